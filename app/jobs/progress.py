"""Windows as they are encoded in, progress in the database out, at most once a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.errors import NordlydError

ENCODED = 0.95
"""The progress of a job whose emissions are all there."""

_WRITE_SECONDS = 1.0
_MIN_STEP = 0.01

_log = structlog.get_logger("nordlyd.jobs")


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a job is.

    Attributes:
        progress: 0 to 1.
        seconds_left: expected from now on; None before that is known.
        duration: length of the recording in seconds; None before that is known.
    """

    progress: float
    seconds_left: float | None
    duration: float | None


class ProgressWriter:
    """The progress of one attempt at a job.

    Args:
        write: keeps an advance; returns False where the job is not to be worked on any more.
        stop: called once `write` has returned False.
        reached: progress of earlier attempts, which is never taken back.
    """

    def __init__(
        self,
        write: Callable[[Advance], Awaitable[bool]],
        stop: Callable[[], object],
        *,
        reached: float,
    ) -> None:
        self._write = write
        self._stop = stop
        self._reached = reached
        self._first: tuple[float, float] | None = None
        self._duration: float | None = None
        self._written = time.monotonic()
        self._latest = reached
        self._writing: asyncio.Task[None] | None = None

    def begin(self, duration: float) -> None:
        """Receives the length of the recording in seconds."""
        self._duration = duration

    def encoded(self, done: int, windows: int) -> None:
        """Receives how many of how many windows are encoded; called on the event loop."""
        now = time.monotonic()
        share = done / windows
        if self._first is None:
            # What earlier attempts have kept arrives at once, and is no measure of the speed.
            self._first = (now, share)
        started, before = self._first
        progress = max(self._reached, ENCODED * share)
        if (
            now - self._written < _WRITE_SECONDS
            or progress - self._latest < _MIN_STEP
            or self._writing is not None
        ):
            return
        left = (now - started) * (1 - share) / (share - before) if share > before else None
        self._written, self._latest = now, progress
        self._writing = asyncio.create_task(
            self._write_one(Advance(progress, left, self._duration)), name="job-progress"
        )

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write_one(self, advance: Advance) -> None:
        try:
            if not await self._write(advance):
                self._stop()
        except NordlydError as error:
            # The next one may succeed, and the job continues without.
            _log.warning("progress not written", error=error.message)
        finally:
            self._writing = None
