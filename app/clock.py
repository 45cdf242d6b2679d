"""The time of the day, as far as what is erased, sent or accepted may rely on it."""

import threading
import time
from collections.abc import Callable

JUMP_SECONDS = 60.0
"""A clock that has moved by more than this against a stopwatch has jumped."""
TRUST_SECONDS = 3600.0
"""A jump is followed once the clock has stayed there for so long."""


def _stopwatch() -> float:
    """Returns seconds since the system started, which no setting of the clock changes.

    They count while the machine is suspended too, where the system offers that.
    """
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class SteadyClock:
    """The time of the day, which follows a jump of the system's clock only after an hour.

    A clock that jumps ahead by mistake must not erase what was to be kept for days, and one that
    jumps back must not keep it. Erasing an hour late after a real correction does no harm.

    Args:
        now: the clock of the system, in seconds of the epoch.
        stopwatch: seconds that pass whatever the clock does.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = _stopwatch,
    ) -> None:
        self._now = now
        self._stopwatch = stopwatch
        self._offset = now() - stopwatch()
        self._jumped: tuple[float, float] | None = None
        self._lock = threading.Lock()

    def time(self) -> float:
        """Returns the time in seconds of the epoch. Any thread may call it."""
        with self._lock:
            return self._time()

    @property
    def has_jumped(self) -> bool:
        """Whether the system's clock has jumped and is not followed yet."""
        with self._lock:
            self._time()
            return self._jumped is not None

    def _time(self) -> float:
        passed = self._stopwatch()
        offset = self._now() - passed
        if abs(offset - self._offset) <= JUMP_SECONDS:
            self._follow(offset)
        elif self._jumped is None or abs(offset - self._jumped[0]) > JUMP_SECONDS:
            self._jumped = offset, passed
        elif passed - self._jumped[1] >= TRUST_SECONDS:
            self._follow(offset)
        return passed + self._offset

    def _follow(self, offset: float) -> None:
        self._offset = offset
        self._jumped = None
