"""The device threads of one engine: passes results to the event loop, and detects faults.

No request waits for ever: those of a dead or hung thread fail.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

import structlog

from app.engine.device import Delivery, DeviceThread, Fault
from app.engine.scheduler import Scheduler
from app.engine.types import EngineOptions
from app.errors import UnavailableError

_STOP_SECONDS = 5.0

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class Devices:
    """The device threads, created on first use, and the watchdog over them.

    Belongs to one event loop; only the threads themselves run elsewhere.

    Args:
        options: times and limits.
        on_delivery: called on the event loop with each result.
        on_fault: called on the event loop at each check while a thread does not answer.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        options: EngineOptions,
        *,
        on_delivery: Callable[[Delivery], None],
        on_fault: Callable[[DeviceThread, Fault], None],
        clock: Callable[[], float],
    ) -> None:
        self._options = options
        self._on_delivery = on_delivery
        self._on_fault = on_fault
        self._clock = clock
        self._threads: dict[str, DeviceThread] = {}
        self._faulty: set[str] = set()
        self._answers: dict[asyncio.Future[None], DeviceThread] = {}
        self._watcher: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Starts the watchdog on the running event loop, once."""
        self._watcher = asyncio.create_task(self._watch(), name="device-watchdog")

    def thread(self, device: str) -> DeviceThread:
        """Returns the thread of a device, started by the first call."""
        if device not in self._threads:
            loop = asyncio.get_running_loop()
            self._threads[device] = DeviceThread(
                device,
                scheduler=Scheduler(
                    patience_seconds=self._options.patience_seconds,
                    max_padding_share=self._options.max_padding_share,
                ),
                hang_seconds=self._options.hang_seconds,
                deliver=lambda delivery: _post(loop, lambda: self._on_delivery(delivery)),
                clock=self._clock,
            )
            self._threads[device].start()
        return self._threads[device]

    @property
    def threads(self) -> tuple[DeviceThread, ...]:
        """Every thread that has been started."""
        return tuple(self._threads.values())

    async def run(self, thread: DeviceThread, function: Callable[[], _T]) -> _T:
        """Runs a function on a device thread, before its next batch.

        Raises:
            UnavailableError: the thread does not answer, or stopped answering.
            Exception: whatever the function raised.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        results: list[_T] = []

        def finish(error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)

        def job() -> None:
            failure: Exception | None = None
            try:
                results.append(function())
            except Exception as error:
                failure = error
            _post(loop, lambda: finish(failure))

        if fault := thread.fault():
            raise fault.as_error()
        self._answers[answer] = thread
        thread.call(job)
        try:
            await answer
        finally:
            del self._answers[answer]
        return results[0]

    def fault(self) -> str:
        """Returns why not every device answers, for a person; empty while all do."""
        if self._watcher is None or self._watcher.done():
            return "the device watchdog is not running"
        faults = (thread.fault() for thread in self.threads)
        return next((fault.reason for fault in faults if fault), "")

    def stop(self) -> None:
        """Ends the watchdog and the threads; waits a few seconds at most for the call that runs."""
        if self._watcher is not None:
            self._watcher.cancel()
        for thread in self.threads:
            if not thread.stop(_STOP_SECONDS):
                _log.warning("device thread did not end", device=thread.device)
            self._fail_jobs(thread, UnavailableError("The service has stopped."))

    async def _watch(self) -> None:
        interval = min(1.0, self._options.hang_seconds / 4)
        while True:
            for thread in self.threads:
                self._check(thread)
            await asyncio.sleep(interval)

    def _check(self, thread: DeviceThread) -> None:
        fault = thread.fault()
        if fault:
            # At every check, not only the first: a request may have been queued just before it.
            thread.discard_all()
            self._fail_jobs(thread, fault.as_error())
            self._on_fault(thread, fault)
            if thread.device not in self._faulty:
                self._faulty.add(thread.device)
                _log.error("device does not answer", device=thread.device, reason=fault.reason)
        elif thread.device in self._faulty:
            self._faulty.remove(thread.device)
            _log.info("device answers again", device=thread.device)

    def _fail_jobs(self, thread: DeviceThread, error: UnavailableError) -> None:
        for answer, owner in self._answers.items():
            if owner is thread and not answer.done():
                answer.set_exception(error)


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    # A closed event loop raises RuntimeError; nothing waits for the result then.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)
