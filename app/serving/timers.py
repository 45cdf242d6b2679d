"""A callback that can be scheduled, rescheduled and cancelled."""

import asyncio
from collections.abc import Callable


class Timer:
    """Calls a function once, after a time that can be set again.

    Args:
        loop: runs the function.
        callback: the function.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether the call is still to come."""
        return self._handle is not None

    def start(self, seconds: float) -> None:
        """Schedules the call, instead of one that was scheduled before."""
        self.stop()
        self._handle = self._loop.call_later(seconds, self._fire)

    def stop(self) -> None:
        """Cancels the call, if it is still to come."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._callback()
