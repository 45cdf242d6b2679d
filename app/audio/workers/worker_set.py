"""The worker processes of one pool: forked, read from, ended and replaced.

What they work on is the supervisor's business; it is called back with their messages and exits.
"""

import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from app.audio.workers.messages import InvalidMessageError, Message
from app.audio.workers.processes import Worker, Zygote

_MAX_ATTEMPTS = 3
_AGAIN_SECONDS = 1.0

_log = structlog.get_logger("nordlyd.media")


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How many workers there are, and what each may take.

    Attributes:
        workers: how many are kept ready.
        memory: bytes that each may take beyond those it starts with.
        processor_seconds: processor time of a recording, beside a tenth of its length.
        handlers: module with the handlers that workers run.
        file_bytes: the largest file that each may write.
    """

    workers: int
    memory: int
    processor_seconds: float
    handlers: str
    file_bytes: int


@dataclass(frozen=True, slots=True)
class WorkerCallbacks:
    """What a `WorkerSet` calls, on the thread that owns it.

    Attributes:
        on_message: a worker with a task sent a message; an exception from this ends the worker.
        on_exit: a worker ended: the reason, and a signal or an exit status.
        on_unusable: no worker can be started.
        on_restart: a worker had to be replaced, with the reason.
        on_sandboxed: the mechanisms that restrict the workers became known, or changed.
    """

    on_message: Callable[[Worker, Message], None]
    on_exit: Callable[[Worker, str, str], None]
    on_unusable: Callable[[], None]
    on_restart: Callable[[str], None]
    on_sandboxed: Callable[[tuple[str, ...]], None]


class WorkerSet:
    """Worker processes and their zygote; all of it belongs to one thread.

    Args:
        limits: how many workers, and what each may take.
        selector: waits for their sockets; the data of a key is a function to call.
        callbacks: called with messages and exits.
    """

    def __init__(
        self, limits: WorkerLimits, selector: selectors.BaseSelector, callbacks: WorkerCallbacks
    ) -> None:
        self.sandbox: tuple[str, ...] | None = None
        self._limits = limits
        self._selector = selector
        self._callbacks = callbacks
        self._workers: dict[int, Worker] = {}
        self._forked = 0
        self._zygote: Zygote | None = None
        self._failures = 0

    @property
    def active(self) -> list[Worker]:
        """All workers that are not about to end."""
        return [worker for worker in list(self._workers.values()) if worker.state != "ending"]

    @property
    def pids(self) -> list[int]:
        """The processes of the zygote and of every worker, those about to end included."""
        zygote = self._zygote
        found = [worker.pid for worker in list(self._workers.values())]
        return [*([zygote.pid] if zygote else []), *(pid for pid in found if pid is not None)]

    def start(self) -> None:
        """Starts the zygote and the workers; does nothing where there is a zygote."""
        if self._zygote is not None:
            return
        limits = self._limits
        self._zygote = Zygote(limits.handlers, limits.memory, limits.file_bytes)
        self._selector.register(self._zygote.channel, selectors.EVENT_READ, self._read_zygote)
        for _ in range(limits.workers):
            self._fork()

    def add_one(self) -> None:
        """Starts one worker more, unless one is starting already."""
        if not any(worker.state == "starting" for worker in self.active):
            self._fork()

    def end(self, worker: Worker, reason: str) -> None:
        """Kills a worker; `on_exit` is called once it has ended.

        Args:
            worker: which.
            reason: why; empty where the exit status shows it, `retired` where nothing is wrong.
        """
        if worker.state == "ending":
            return
        worker.reason = worker.reason or reason
        worker.state = "ending"
        self._selector.unregister(worker.channel)
        worker.channel.close()
        worker.signal(signal.SIGKILL)
        self._reap(worker)

    def close(self) -> None:
        """Ends the zygote and all workers."""
        self._close_zygote()
        for worker in self._workers.values():
            worker.channel.close()
        self._workers.clear()

    def _fork(self) -> None:
        if self._zygote is None:
            return
        self._forked += 1
        try:
            worker = self._zygote.fork(self._forked)
        except OSError:
            # The zygote is gone, which is noticed where its socket is read.
            return
        self._workers[worker.number] = worker
        self._selector.register(
            worker.channel, selectors.EVENT_READ, lambda: self._read_worker(worker)
        )

    def _reap(self, worker: Worker) -> None:
        if worker.pid is not None and self._zygote is not None:
            with suppress(OSError):
                self._zygote.reap(worker.pid)

    def _read_worker(self, worker: Worker) -> None:
        if worker.state == "ending":
            # An event of the same select call has ended it.
            return
        try:
            messages, connected = worker.channel.read_available()
            for message in messages:
                if worker.state == "starting":
                    self._started(worker, message)
                elif worker not in self.active:
                    return
                else:
                    self._callbacks.on_message(worker, message)
        except (InvalidMessageError, LookupError, TypeError, ValueError, AttributeError) as error:
            _log.error("a media worker sent an invalid message", error=repr(error))
            self.end(worker, "crash")
            return
        if not connected:
            self.end(worker, "")

    def _started(self, worker: Worker, message: Message) -> None:
        """Makes a worker idle on its first message, which lists what restricts it."""
        sandbox = tuple(str(name) for name in message["sandbox"])
        if self.sandbox != sandbox:
            self.sandbox = sandbox
            self._callbacks.on_sandboxed(sandbox)
        self._failures = 0
        worker.state = "idle"
        if sum(1 for other in self.active if other.task is None) > self._limits.workers:
            # Another worker has done meanwhile what this one was started for.
            self.end(worker, "retired")

    def _read_zygote(self) -> None:
        if self._zygote is None:
            return
        try:
            messages, connected = self._zygote.channel.read_available()
        except InvalidMessageError:
            messages, connected = [], False
        for message in messages:
            if "forked" in message:
                worker = self._workers[message["number"]]
                worker.pid = message["forked"]
                if worker.state == "ending":
                    worker.signal(signal.SIGKILL)
                    self._reap(worker)
            elif "reaped" in message:
                self._reaped(message["reaped"], message["status"])
        if not connected:
            self._lost_zygote()

    def _reaped(self, pid: int, status: int) -> None:
        number = next(n for n, worker in self._workers.items() if worker.pid == pid)
        worker = self._workers.pop(number)
        reason, detail = (worker.reason, "") if worker.reason else _exit_reason(status)
        self._callbacks.on_exit(worker, reason, detail)
        if reason != "retired":
            self._callbacks.on_restart(reason)
        if len(self.active) < self._limits.workers:
            self._fork()

    def _lost_zygote(self) -> None:
        """Discards all workers, which have ended with their zygote; `start` begins anew."""
        _log.error("the zygote of the media workers was lost")
        lost = list(self._workers.values())
        for worker in self.active:
            self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.state = "ending"
        self._workers.clear()
        self._close_zygote()
        for worker in lost:
            self._callbacks.on_exit(worker, worker.reason or "crash", "the zygote was lost")
        self._callbacks.on_restart("zygote")
        self._failures += 1
        if self._failures >= _MAX_ATTEMPTS:
            self._callbacks.on_unusable()
            time.sleep(_AGAIN_SECONDS)

    def _close_zygote(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            self._selector.unregister(zygote.channel)
            zygote.close()


def _exit_reason(status: int) -> tuple[str, str]:
    """Why a worker ended by itself, by its exit status: the reason and the signal's name."""
    if status >= 0:
        return "crash", f"exit status {status}"
    name = signal.Signals(-status).name
    if -status == signal.SIGXCPU:
        return "hang", name
    # Of all that could send SIGKILL, only the kernel does so here, where memory is short.
    return ("memory" if -status == signal.SIGKILL else "crash"), name
