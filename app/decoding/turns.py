"""Jobs that share a few processor cores by turns, and stop when no answer is wanted any more.

A job runs in a thread of its own and holds one of a few slots while it computes. What takes long
polls: a job that was cancelled, or whose deadline passed, is ended there, and one that has used its
slice of time waits behind the others. So a short job never waits for a long one, but for the slices
of those before it.
"""

import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from threading import Event, Lock
from typing import TypeVar

from app.errors import DeadlineExceededError

SLICE_SECONDS = 0.02

_T = TypeVar("_T")


class StoppedError(Exception):
    """The job was cancelled; its result is not awaited."""


class Slots:
    """How many jobs compute at once; those that wait are served in the order they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[Event] = deque()
        self._lock = Lock()

    def acquire(self) -> None:
        """Take a slot, or wait for one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = Event()
            self._waiting.append(mine)
        mine.wait()

    def release(self) -> None:
        """Hand the slot to the first that waits."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1

    def give_way(self) -> None:
        """Let all that wait go first; returns at once where none does."""
        with self._lock:
            if not self._waiting:
                return
            mine = Event()
            self._waiting.append(mine)
            self._waiting.popleft().set()
        mine.wait()


class Turn:
    """One job's right to compute.

    Args:
        slots: are shared with other jobs; None in a process of its own.
        deadline: instant of `time.monotonic` after which no answer is wanted.
    """

    def __init__(self, slots: Slots | None = None, deadline: float | None = None) -> None:
        self._slots = slots
        self._deadline = deadline
        self._stopped = False
        self._began = 0.0

    def run(self, job: Callable[[], _T]) -> _T:
        """Runs the job in this thread, in a slot.

        Raises:
            StoppedError: it was cancelled.
            DeadlineExceededError: its deadline passed.
        """
        if self._slots is not None:
            self._slots.acquire()
        token = _current.set(self)
        try:
            self._began = time.monotonic()
            self.check()
            return job()
        finally:
            _current.reset(token)
            if self._slots is not None:
                self._slots.release()

    def stop(self) -> None:
        """Ends the job at its next poll; safe from any thread."""
        self._stopped = True

    def poll(self) -> bool:
        """Lets others go first where the slice is used; returns whether to go on."""
        now = time.monotonic()
        if self._slots is not None and now - self._began >= SLICE_SECONDS:
            self._slots.give_way()
            now = self._began = time.monotonic()
        return not self._stopped and (self._deadline is None or now < self._deadline)

    def check(self) -> None:
        """Polls.

        Raises:
            StoppedError: the job was cancelled.
            DeadlineExceededError: its deadline passed.
        """
        if not self.poll():
            raise self.ended()

    def ended(self) -> StoppedError | DeadlineExceededError:
        """Returns why a poll ended the job."""
        if self._stopped:
            return StoppedError("the job was cancelled")
        return DeadlineExceededError(
            "The request's deadline passed while its text was being decoded."
        )


_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


def current_turn() -> Turn | None:
    """The turn of the job that runs in this thread; None outside of the pool."""
    return _current.get()


def check_turn() -> None:
    """Polls the turn of the job that runs in this thread, if any.

    Raises:
        StoppedError: the job was cancelled.
        DeadlineExceededError: its deadline passed.
    """
    turn = _current.get()
    if turn is not None:
        turn.check()
