"""One thread a device: encodes queued windows and passes results and errors to a callback.

The thread takes its next batch only when it is free, so a new request never waits for more than
the batch that runs. It records a heartbeat, which shows whether it still answers.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from app.engine.isolation import BatchContext, encode_isolated
from app.engine.scheduler import Batch, Budget, Item, Scheduler
from app.engine.types import Encoder, EncodeRequest, FloatArray, WindowT
from app.errors import DeadlineExceededError, NordlydError, UnavailableError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What the device needs of a request.

    Args:
        model: one that the device serves.
        lengths: samples of each window.
        load: returns a window's prepared samples by its index; called on the device thread.
        describe: returns where a window lies in its audio, for an error message.
        deadline: instant by which it must be answered, if there is one.
        caller: who sent it.
        window_seconds: the least that each window takes to compute, in seconds.
        background: whether it is served only while no other request waits.
    """

    model: str
    lengths: tuple[int, ...]
    load: Callable[[int], FloatArray]
    describe: Callable[[int], str]
    deadline: float | None
    caller: str = ""
    window_seconds: float = 0.0
    background: bool = False

    @property
    def samples(self) -> int:
        """All samples to be computed, context included."""
        return sum(self.lengths)


def work_of(
    request: EncodeRequest[WindowT], *, sample_rate: int, real_time_factor: float = 0.0
) -> Work:
    """Returns what the device needs of a request.

    Args:
        request: the request.
        sample_rate: samples per second of its windows.
        real_time_factor: the fewest compute seconds that an audio second takes.
    """

    def describe(index: int) -> str:
        window = request.windows[index]
        start, stop = window.start / sample_rate, window.stop / sample_rate
        return f"the audio from {start:.1f} s to {stop:.1f} s"

    lengths = tuple(window.stop - window.start for window in request.windows)
    return Work(
        model=request.model,
        lengths=lengths,
        load=lambda index: request.fetch(request.windows[index]),
        describe=describe,
        deadline=request.deadline,
        caller=request.caller,
        window_seconds=sum(lengths) / sample_rate * real_time_factor / max(1, len(lengths)),
        background=request.background,
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """The results of a batch or a part of it.

    Attributes:
        encoded: windows with their emissions, float32 [frames, vocabulary].
        failed: tickets of requests, each with its error.
        model: what encoded the windows.
        seconds: how long the encoder took.
    """

    encoded: tuple[tuple[Item, FloatArray], ...] = ()
    failed: tuple[tuple[int, NordlydError], ...] = ()
    model: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a device does not answer: the code `hung` or `failed`, and a reason for a person."""

    code: str
    reason: str

    def as_error(self) -> UnavailableError:
        """Returns the error that requests for this device get."""
        return UnavailableError(f"No answer: {self.reason}.", code=self.code)


class DeviceThread:
    """Runs batches of all models of one device, one after another.

    Args:
        device: its name, for messages.
        scheduler: the queue; used by nothing else from now on.
        hang_seconds: seconds without a heartbeat after which the device counts as hung.
        deliver: called on the device thread with each result; must return quickly.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        device: str,
        *,
        scheduler: Scheduler,
        hang_seconds: float,
        deliver: Callable[[Delivery], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.device = device
        self._scheduler = scheduler
        self._hang_seconds = hang_seconds
        self._interval = min(1.0, hang_seconds / 4)
        self._deliver = deliver
        self._clock = clock
        self._wakeup = threading.Condition()
        self._encoders: dict[str, Encoder] = {}
        self._works: dict[int, Work] = {}
        self._jobs: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._exit_reason = ""
        self._beat = self._seen_beat = self._checked_at = clock()
        self._silent = 0.0
        self._busy = False
        self._running: Batch | None = None
        self._thread = threading.Thread(target=self._run, name=f"device-{device}", daemon=True)

    def start(self) -> None:
        """Starts the thread; once."""
        self._beat = self._checked_at = self._clock()
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ends the thread after the call that runs; False if it did not end in time."""
        with self._wakeup:
            self._stopping = True
            self._wakeup.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def serve(self, model: str, encoder: Encoder, budget: Budget) -> None:
        """Accepts work for this model from now on, or replaces its encoder."""
        with self._wakeup:
            self._encoders[model] = encoder
            self._scheduler.serve(model, budget)

    def forget(self, model: str) -> None:
        """Drops a model's encoder; on the device thread itself, where no batch uses it."""
        with self._wakeup:
            self._encoders.pop(model, None)
            self._scheduler.forget(model)

    def submit(self, ticket: int, work: Work) -> None:
        """Queues a request; its results go to `deliver` until it is discarded."""
        with self._wakeup:
            self._scheduler.add(
                ticket,
                work.model,
                work.lengths,
                now=self._clock(),
                deadline=work.deadline,
                caller=work.caller,
                window_seconds=work.window_seconds,
                background=work.background,
            )
            self._works[ticket] = work
            self._wakeup.notify_all()

    def discard(self, ticket: int) -> None:
        """Drops the waiting windows of a request, and all that is kept of one that is done."""
        with self._wakeup:
            self._scheduler.discard(ticket)
            self._works.pop(ticket, None)

    def discard_all(self) -> None:
        """Drops everything that waits; the batch that runs has no recipients any more."""
        with self._wakeup:
            self._scheduler.clear()
            self._works.clear()
            self._jobs.clear()

    def call(self, job: Callable[[], None]) -> None:
        """Runs a function on the device thread before the next batch; it must not raise."""
        with self._wakeup:
            self._jobs.append(job)
            self._wakeup.notify_all()

    def fault(self) -> Fault | None:
        """Why the device does not answer; None while it does."""
        thread = f"the device thread of {self.device}"
        if self._exit_reason:
            return Fault("failed", f"{thread} has ended: {self._exit_reason}")
        if not self._thread.is_alive():
            return Fault("failed", f"{thread} is not running")
        silent = self._silent_seconds()
        if silent <= self._hang_seconds:
            return None
        what = "has been busy with one batch" if self._busy else "has not answered"
        return Fault(
            "hung",
            f"{thread} {what} for {silent:.1f} s; "
            f"more than {self._hang_seconds:g} s counts as hung",
        )

    def _silent_seconds(self) -> float:
        """Returns the seconds without a heartbeat during which this process was running.

        After a process was stopped and continued, or a machine was suspended, heartbeats are old
        though the thread is well. So the time between two checks counts for no more than two
        intervals.
        """
        now, beat = self._clock(), self._beat
        elapsed = min(now - self._checked_at, 2 * self._interval)
        self._checked_at = now
        if beat == self._seen_beat:
            self._silent += elapsed
        else:
            self._seen_beat = beat
            self._silent = min(max(0.0, now - beat), elapsed)
        return self._silent

    @property
    def queued_windows(self) -> int:
        """Number of windows that wait."""
        return self._scheduler.queued_windows

    @property
    def running(self) -> int:
        """Number of windows in the batch that runs."""
        batch = self._running
        return len(batch.items) if batch else 0

    @property
    def running_background(self) -> Batch | None:
        """The batch that runs, where it is one in the background."""
        batch = self._running
        return batch if batch and batch.background else None

    def budget_samples(self, model: str) -> int:
        """Returns the padded samples that a batch of this model may hold now."""
        return self._scheduler.budget(model).samples

    def _run(self) -> None:
        try:
            while self._run_next():
                pass
        except BaseException as error:
            self._exit_reason = f"{type(error).__name__}: {error}"
            _log.critical("device thread ended", device=self.device, exc_info=error)

    def _run_next(self) -> bool:
        """Runs the next job or batch, or waits briefly for one; returns False to end the thread."""
        with self._wakeup:
            now = self._beat = self._clock()
            if self._stopping:
                return False
            job = self._jobs.popleft() if self._jobs else None
            late = self._scheduler.expire(now)
            batch = None if job else self._scheduler.next_batch(now)
            if not (job or late or batch):
                self._wakeup.wait(self._interval)
                return True
            self._busy = bool(job or batch)
            self._running = batch
            works = {item.ticket: self._works[item.ticket] for item in batch.items} if batch else {}
        if late:
            self._deliver(Delivery(failed=tuple((ticket, _deadline_error()) for ticket in late)))
        try:
            if job:
                job()
            elif batch:
                self._run_batch(batch, works)
        finally:
            self._busy = False
            self._running = None
        return True

    def _run_batch(self, batch: Batch, works: dict[int, Work]) -> None:
        encoder = self._encoders[batch.model]
        budget = self._scheduler.budget(batch.model)

        def encode(waves: Sequence[FloatArray]) -> list[FloatArray]:
            self._beat = self._clock()
            return encoder.encode(waves)

        context = BatchContext(
            encode=encode,
            load=lambda item: works[item.ticket].load(item.index),
            is_pending=lambda item: self._is_pending(item, works[item.ticket]),
            describe=lambda item: works[item.ticket].describe(item.index),
            out_of_memory=budget.out_of_memory,
            clock=self._clock,
        )
        for attempt in encode_isolated(batch.items, context):
            if attempt.encoded:
                budget.succeeded()
            for item, _ in attempt.failed:
                # At once, so that no further window of it runs before the event loop discards it.
                self.discard(item.ticket)
            self._deliver(
                Delivery(
                    encoded=tuple(attempt.encoded),
                    failed=tuple((item.ticket, error) for item, error in attempt.failed),
                    model=batch.model,
                    seconds=attempt.seconds,
                )
            )

    def _is_pending(self, item: Item, work: Work) -> bool:
        if self._stopping or item.ticket not in self._works:
            return False
        return work.deadline is None or self._clock() < work.deadline


def _deadline_error() -> DeadlineExceededError:
    return DeadlineExceededError("The request's deadline passed while it waited for the device.")
