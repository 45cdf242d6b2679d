"""The worker processes of one pool: kept at their number, listened to, ended and replaced.

What they say and how they end goes to whoever uses them; what they work on is not known here.
"""

import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from app.audio.workers.messages import BrokenMessageError, Message
from app.audio.workers.processes import Restarted, Worker, Zygote

_ATTEMPTS = 3
_AGAIN_SECONDS = 1.0

_log = structlog.get_logger("nordlyd.media")


@dataclass(frozen=True, slots=True)
class Shape:
    """How many workers there are and what each may take.

    Attributes:
        workers: how many are kept ready.
        memory: bytes that each may take beyond what it begins with.
        processor_seconds: what a recording may take, beside a tenth of its length.
        handlers: module that says what workers can do.
        file_bytes: the largest file that each may write.
    """

    workers: int
    memory: int
    processor_seconds: float
    handlers: str
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told of what becomes of workers.

    Attributes:
        said: a worker with a task sent a message; what it raises ends the worker.
        ended: a worker ended, and why: a reason, and a signal or an exit status.
        unusable: no worker can be started.
    """

    said: Callable[[Worker, Message], None]
    ended: Callable[[Worker, str, str], None]
    unusable: Callable[[], None]


class Crew:
    """Worker processes and their zygote; all of it belongs to one thread.

    Args:
        shape: how many, and their limits.
        selector: where their sockets are waited for; the data of a key is to be called.
        restarted: told why a worker had to be replaced.
        listeners: told what workers say, and how they end.
    """

    def __init__(
        self,
        shape: Shape,
        selector: selectors.BaseSelector,
        restarted: Restarted,
        listeners: Listeners,
    ) -> None:
        self.held: tuple[str, ...] | None = None
        self._shape = shape
        self._selector = selector
        self._restarted = restarted
        self._listeners = listeners
        self._workers: dict[int, Worker] = {}
        self._forked = 0
        self._zygote: Zygote | None = None
        self._deaths = 0

    @property
    def workers(self) -> list[Worker]:
        """All that are not about to end."""
        return [worker for worker in list(self._workers.values()) if worker.state != "dying"]

    @property
    def pids(self) -> list[int]:
        """The processes of the zygote and of every worker, those about to end included."""
        zygote = self._zygote
        found = [worker.pid for worker in list(self._workers.values())]
        return [*([zygote.pid] if zygote else []), *(pid for pid in found if pid is not None)]

    def ensure(self) -> None:
        """Start the zygote where there is none, and so many workers."""
        if self._zygote is not None:
            return
        self._zygote = Zygote(self._shape.handlers, self._shape.memory, self._shape.file_bytes)
        self._selector.register(self._zygote.channel, selectors.EVENT_READ, self._zygote_said)
        for _ in range(self._shape.workers):
            self._fork()

    def need_one(self) -> None:
        """Start one worker more, unless one is on its way."""
        if not any(worker.state == "starting" for worker in self.workers):
            self._fork()

    def end(self, worker: Worker, reason: str) -> None:
        """End a worker; its listener is told once it has ended.

        Args:
            worker: which.
            reason: why; empty where that is to be found out, and `retired` where nothing is wrong.
        """
        if worker.state == "dying":
            return
        worker.reason = worker.reason or reason
        worker.state = "dying"
        self._selector.unregister(worker.channel)
        worker.channel.close()
        worker.signal(signal.SIGKILL)
        self._reap(worker)

    def close(self) -> None:
        """End all of them."""
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
            # Its end is noticed where it is read.
            return
        self._workers[worker.number] = worker
        self._selector.register(
            worker.channel, selectors.EVENT_READ, lambda: self._worker_said(worker)
        )

    def _reap(self, worker: Worker) -> None:
        if worker.pid is not None and self._zygote is not None:
            with suppress(OSError):
                self._zygote.reap(worker.pid)

    def _worker_said(self, worker: Worker) -> None:
        if worker.state == "dying":
            # It was ended by what was read just before.
            return
        try:
            messages, there = worker.channel.available()
            for message in messages:
                if worker.state == "starting":
                    self._came_up(worker, message)
                elif worker not in self.workers:
                    return
                else:
                    self._listeners.said(worker, message)
        except (BrokenMessageError, LookupError, TypeError, ValueError, AttributeError) as error:
            _log.error("a media worker sends what it should not", error=repr(error))
            self.end(worker, "crash")
            return
        if not there:
            self.end(worker, "")

    def _came_up(self, worker: Worker, message: Message) -> None:
        held = tuple(str(name) for name in message["held"])
        if self.held != held:
            self.held = held
            missing = sorted({"landlock", "seccomp"} - set(held))
            write = _log.warning if missing else _log.info
            write("media workers are caged", by=list(held), missing=missing)
        self._deaths = 0
        worker.state = "idle"

    def _zygote_said(self) -> None:
        if self._zygote is None:
            return
        try:
            messages, there = self._zygote.channel.available()
        except BrokenMessageError:
            messages, there = [], False
        for message in messages:
            if "forked" in message:
                worker = self._workers[message["number"]]
                worker.pid = message["forked"]
                if worker.state == "dying":
                    worker.signal(signal.SIGKILL)
                    self._reap(worker)
            elif "reaped" in message:
                self._reaped(message["reaped"], message["status"])
        if not there:
            self._lost_zygote()

    def _reaped(self, pid: int, status: int) -> None:
        number = next(n for n, worker in self._workers.items() if worker.pid == pid)
        worker = self._workers.pop(number)
        reason, detail = (worker.reason, "") if worker.reason else _reason(status)
        self._listeners.ended(worker, reason, detail)
        if reason != "retired":
            self._restarted(reason)
        if len(self.workers) < self._shape.workers:
            self._fork()

    def _lost_zygote(self) -> None:
        """Begin anew: with the zygote, every worker is gone."""
        _log.error("the zygote of the media workers was lost")
        lost = list(self._workers.values())
        for worker in self.workers:
            self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.state = "dying"
        self._workers.clear()
        self._close_zygote()
        for worker in lost:
            self._listeners.ended(worker, worker.reason or "crash", "the zygote was lost")
        self._restarted("zygote")
        self._deaths += 1
        if self._deaths >= _ATTEMPTS:
            self._listeners.unusable()
            time.sleep(_AGAIN_SECONDS)

    def _close_zygote(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            self._selector.unregister(zygote.channel)
            zygote.close()


def _reason(status: int) -> tuple[str, str]:
    """Why a worker ended by itself, of its exit status: the reason and the signal's name."""
    if status >= 0:
        return "crash", f"exit status {status}"
    name = signal.Signals(-status).name
    if -status == signal.SIGXCPU:
        return "hang", name
    # Nothing here but the kernel sends it, where memory is short.
    return ("memory" if -status == signal.SIGKILL else "crash"), name
