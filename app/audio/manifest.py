"""Reads the audio that a manifest's line names: a recording, or the part between two times."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import soxr

from app.audio.excerpt import SLACK_SECONDS, read_excerpt
from app.audio.options import AudioLimits
from app.audio.recording import SAMPLE_RATE, Recording, Samples
from app.audio.workers import shared_pool
from app.errors import AudioError

# Neighbouring lines are often parts of one recording.
_RECORDINGS_KEPT = 4
_MAX_RECORDING_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class ManifestAudio:
    """A recording in any format that the service takes; `start` and `end` in seconds cut it."""

    file: Path
    start: float = 0.0
    end: float | None = None

    @classmethod
    def of_line(cls, entry: Mapping[str, object], folder: Path) -> "ManifestAudio":
        """Reads `audio`, and `start` and `end`, which may be missing, null or empty.

        Args:
            entry: the line.
            folder: that of the manifest, from which a relative path starts.

        Raises:
            KeyError, TypeError, ValueError: the line names no audio, or no part of it.
        """
        start, end = _seconds(entry.get("start")) or 0.0, _seconds(entry.get("end"))
        if not 0 <= start < (math.inf if end is None else end):
            raise ValueError(f"nothing is between {start:g} and {end} s")
        audio = entry["audio"]
        if not isinstance(audio, str):
            raise TypeError(f"audio is {audio!r}, no path")
        return cls(folder / audio, start, end)

    def read(self, *, max_seconds: float) -> Samples:
        """Decodes it.

        Of a format that libsndfile reads, only the part is decoded; of another, the recording.

        Args:
            max_seconds: the longest accepted duration.

        Returns:
            float32 [samples], mono at 16 kHz.

        Raises:
            AudioError: no audio, damaged, or it ends before the part does.
            TooLargeError: it is longer than is accepted.
        """
        limits = AudioLimits(max_seconds)
        if not self.start and self.end is None:
            recording = shared_pool().decode(self.file, limits=limits)
            return recording.slice(0, recording.samples)
        part = self._part()
        limits.check(len(part) / SAMPLE_RATE)
        return part

    def _part(self) -> Samples:
        try:
            with self.file.open("rb") as stream:
                samples, rate = read_excerpt(stream, start=self.start, end=self.end)
        except OSError as error:
            raise AudioError(f"Cannot read {self.file}: {error.strerror}.") from error
        except AudioError:
            return self._cut(_decoded(self.file))
        if rate == SAMPLE_RATE:
            return samples
        resampled: Samples = soxr.resample(samples, rate, SAMPLE_RATE)
        return resampled

    def _cut(self, recording: Recording) -> Samples:
        end = recording.duration if self.end is None else self.end
        if not self.start < end <= recording.duration + SLACK_SECONDS:
            raise AudioError(
                f"The recording has {recording.duration:.2f} s, nothing from {self.start:.2f} to "
                f"{end:.2f} s."
            )
        last = min(round(end * SAMPLE_RATE), recording.samples)
        return recording.slice(round(self.start * SAMPLE_RATE), last)


@lru_cache(maxsize=_RECORDINGS_KEPT)
def _decoded(file: Path) -> Recording:
    return shared_pool().decode(file, limits=AudioLimits(_MAX_RECORDING_SECONDS))


def _seconds(value: object) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{value!r} is no time in seconds")
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(f"{value!r} is no time in seconds")
    return seconds
