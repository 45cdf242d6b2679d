"""How far a run is: recordings, hours of audio done and left, and the speed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from app.archive.results import Result
from app.durations import format_duration

_HOUR = 3600.0


@dataclass(slots=True)
class Progress:
    """Counts what a run does.

    Args:
        recordings: with work left when it began.
        size: of these, in bytes.
        report: called after each recording.

    Attributes:
        done: recordings that were finished, whether they have a transcript or an error.
        failed: those with an error.
        transcribed: recordings that were transcribed; copies of one count once.
        audio_seconds: of these.
    """

    recordings: int
    size: int
    report: Callable[["Progress"], None]
    done: int = 0
    failed: int = 0
    transcribed: int = 0
    audio_seconds: float = 0.0
    _done_size: int = 0
    _audio_size: int = 0
    _started: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Starts to count the time: the model is loaded."""
        self._started = time.monotonic()

    def count(self, size: int, result: Result, *, transcribed: bool) -> None:
        """Counts a recording.

        Args:
            size: of it, in bytes.
            result: of it.
            transcribed: whether this run did it, and not for a copy of it.
        """
        self.done += 1
        self._done_size += size
        self.failed += result.failed
        if transcribed and not result.failed:
            self.transcribed += 1
            self.audio_seconds += result.duration
            self._audio_size += size
        self.report(self)

    @property
    def seconds(self) -> float:
        """Since the first recording was begun."""
        return time.monotonic() - self._started

    @property
    def audio_seconds_left(self) -> float | None:
        """Expected from the bytes that are left; None before anything was transcribed."""
        if not self._audio_size:
            return None
        return max(0, self.size - self._done_size) * self.audio_seconds / self._audio_size

    def describe(self) -> str:
        """Returns a line about it."""
        parts = [f"{self.done} of {self.recordings}", f"{self.audio_seconds / _HOUR:.1f} h done"]
        left = self.audio_seconds_left
        if left is not None:
            speed = self.audio_seconds / max(self.seconds, 1e-9)
            wait = format_duration(timedelta(seconds=left / speed))
            parts += [f"about {left / _HOUR:.1f} h left", f"{speed:.1f} × real time, {wait} left"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        return ", ".join(parts)
