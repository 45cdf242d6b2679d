"""Jobs that share a few processor cores in time slices, and end when they are cancelled.

A job runs in a thread of its own and holds one of a few slots while it computes. Long computations
poll: there a job ends that was cancelled or whose deadline passed, and a job that has used up its
time slice yields its slot to those that wait. So a short job never waits for a long one to end, and
no job waits for those in the background for longer than a time slice.
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


class JobCancelledError(Exception):
    """The job was cancelled; its result is not awaited."""


class Slots:
    """A semaphore that serves its waiting jobs in the order of their arrival.

    Jobs in the background are served while no other job waits.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[Event] = deque()
        self._background: deque[Event] = deque()
        self._lock = Lock()

    def acquire(self, *, background: bool = False) -> None:
        """Takes a slot, or waits for one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = self._join(background)
        mine.wait()

    def release(self) -> None:
        """Passes the slot to the first job that waits."""
        with self._lock:
            if not self._pass_on():
                self._free += 1

    def yield_slot(self, *, background: bool = False) -> None:
        """Lets all waiting jobs go first; returns at once if there are none that go before."""
        with self._lock:
            if not self._waiting and not (background and self._background):
                return
            mine = self._join(background)
            self._pass_on()
        mine.wait()

    def _join(self, background: bool) -> Event:
        mine = Event()
        (self._background if background else self._waiting).append(mine)
        return mine

    def _pass_on(self) -> bool:
        """Passes a slot on; returns whether a job waits for it."""
        if not (queue := self._waiting or self._background):
            return False
        queue.popleft().set()
        return True


class Job:
    """A computation that can be cancelled and shares its slot.

    Args:
        slots: shared with other jobs; None in a process of its own.
        deadline: instant of `time.monotonic` after which the result is of no use.
        background: whether it computes only while no other job waits.
    """

    def __init__(
        self,
        slots: Slots | None = None,
        deadline: float | None = None,
        *,
        background: bool = False,
    ) -> None:
        self._slots = slots
        self._deadline = deadline
        self._background = background
        self._stopped = False
        self._slice_start = 0.0

    def run(self, function: Callable[[], _T]) -> _T:
        """Runs the function in this thread, in a slot.

        Raises:
            JobCancelledError: the job was cancelled.
            DeadlineExceededError: its deadline passed.
        """
        if self._slots is not None:
            self._slots.acquire(background=self._background)
        token = _current.set(self)
        try:
            self._slice_start = time.monotonic()
            self.check()
            return function()
        finally:
            _current.reset(token)
            if self._slots is not None:
                self._slots.release()

    def stop(self) -> None:
        """Ends the job at its next poll; thread-safe."""
        self._stopped = True

    def poll(self) -> bool:
        """Yields the slot at the end of a time slice; returns whether to continue."""
        now = time.monotonic()
        if self._slots is not None and now - self._slice_start >= SLICE_SECONDS:
            self._slots.yield_slot(background=self._background)
            now = self._slice_start = time.monotonic()
        return not self._stopped and (self._deadline is None or now < self._deadline)

    def check(self) -> None:
        """Polls.

        Raises:
            JobCancelledError: the job was cancelled.
            DeadlineExceededError: its deadline passed.
        """
        if not self.poll():
            raise self.reason()

    def reason(self) -> JobCancelledError | DeadlineExceededError:
        """Returns why a poll ended the job."""
        if self._stopped:
            return JobCancelledError("the job was cancelled")
        return DeadlineExceededError(
            "The request's deadline passed while its text was being decoded."
        )


_current: ContextVar[Job | None] = ContextVar("job", default=None)


def current_job() -> Job | None:
    """Returns the job that runs in this thread; None outside of the pool."""
    return _current.get()


def check_cancelled() -> None:
    """Polls the job that runs in this thread, if any.

    Raises:
        JobCancelledError: the job was cancelled.
        DeadlineExceededError: its deadline passed.
    """
    job = _current.get()
    if job is not None:
        job.check()
