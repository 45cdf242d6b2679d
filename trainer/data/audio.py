"""Reads audio from files, parts of files and raw int16 files as samples at 16 kHz.

Each kind names its place in a manifest line with `place`, and `audio_at` reads that line back.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import soxr

from app.audio.excerpt import read_excerpt
from app.audio.workers import shared_pool
from app.errors import AudioError, MediaCrashedError
from trainer.data.record import Audio, Waveform
from trainer.data.store import SAMPLE_RATE
from trainer.errors import DataError

_SAMPLE_BYTES = 2
_FULL_SCALE = 32768


class PlacedAudio(Audio, Protocol):
    """Audio whose place can be written down and whose length can be found out."""

    def seconds(self) -> float:
        """Decodes everything and returns the length, so that broken audio is found here.

        Raises:
            DataError: the audio cannot be read, breaks off, is empty or holds no numbers.
        """
        ...

    def place(self) -> dict[str, Any]:
        """Returns the fields of a manifest line that lead back to this audio."""
        ...

    def encoded(self) -> bytes | None:
        """Returns the bytes as published, or None where this is a part of a larger file.

        Raises:
            DataError: they cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileAudio:
    """A file in any format libsndfile reads, or the part between two times in seconds."""

    file: Path
    start: float = 0.0
    end: float | None = None

    def waveform(self) -> Waveform:
        """Decodes to mono at 16 kHz.

        Raises:
            DataError: the file is missing or broken, or ends before the part does.
        """
        return to_rate(*self._decoded())

    def seconds(self) -> float:
        """Decodes and returns the length.

        Raises:
            DataError: as `waveform`.
        """
        try:
            with self.file.open("rb") as stream:
                return measure(stream, str(self.file), start=self.start, end=self.end)
        except OSError as error:
            raise DataError(f"{self.file} cannot be read: {error.strerror or error}") from error

    def place(self) -> dict[str, Any]:
        """Returns `audio`, and for a part of a file where it starts and ends."""
        whole = not self.start and self.end is None
        part = {} if whole else {"start": self.start, "end": self.end}
        return {"audio": str(self.file), **part}

    def encoded(self) -> bytes | None:
        """Returns the bytes of the file, or None for a part of it.

        Raises:
            DataError: it cannot be read.
        """
        return None if self.end is not None or self.start else read_bytes(self.file)

    def _decoded(self) -> tuple[Waveform, int]:
        try:
            with self.file.open("rb") as stream:
                return decode(stream, str(self.file), start=self.start, end=self.end)
        except OSError as error:
            raise DataError(f"{self.file} cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class PcmAudio:
    """A stretch of a file of int16 samples at 16 kHz; small, so that it crosses processes."""

    file: Path
    first: int
    samples: int

    def waveform(self) -> Waveform:
        """Reads the samples.

        Raises:
            DataError: the file is missing or shorter than in its manifest.
        """
        try:
            pcm = np.fromfile(
                self.file, dtype="<i2", count=self.samples, offset=_SAMPLE_BYTES * self.first
            )
        except OSError as error:
            raise DataError(f"{self.file} cannot be read: {error.strerror or error}") from error
        if len(pcm) != self.samples:
            raise DataError(f"{self.file} ends before sample {self.first + self.samples}")
        return pcm.astype(np.float32) / np.float32(_FULL_SCALE)

    def seconds(self) -> float:
        """Returns the length.

        Raises:
            DataError: as `waveform`, or there are no samples.
        """
        if not len(self.waveform()):
            raise DataError(f"{self.file} holds no samples at {self.first}")
        return self.samples / SAMPLE_RATE

    def place(self) -> dict[str, Any]:
        """Returns `audio`, `first` and `samples`."""
        return {"audio": str(self.file), "first": self.first, "samples": self.samples}

    def encoded(self) -> bytes | None:
        """Returns None: this is a part of a larger file."""
        return None


@dataclass(frozen=True, slots=True)
class ExcerptAudio:
    """An audio file that lies within another file, as `prepare --copy` puts them together."""

    file: Path
    offset: int
    length: int

    def waveform(self) -> Waveform:
        """Decodes to mono at 16 kHz.

        Raises:
            DataError: the file is gone or too short, or the audio is broken.
        """
        return to_rate(*self._decoded())

    def seconds(self) -> float:
        """Decodes and returns the length.

        Raises:
            DataError: as `waveform`.
        """
        return measure(io.BytesIO(self.encoded() or b""), f"{self.file}, byte {self.offset}")

    def place(self) -> dict[str, Any]:
        """Returns `audio`, `offset` and `length`, both in bytes."""
        return {"audio": str(self.file), "offset": self.offset, "length": self.length}

    def encoded(self) -> bytes | None:
        """Returns the bytes.

        Raises:
            DataError: the file is gone or too short.
        """
        data = read_bytes(self.file, self.offset, self.length)
        if len(data) != self.length:
            raise DataError(f"{self.file} ends before byte {self.offset + self.length}")
        return data

    def _decoded(self) -> tuple[Waveform, int]:
        return decode(io.BytesIO(self.encoded() or b""), f"{self.file}, byte {self.offset}")


def decode(
    stream: BinaryIO, name: str, *, start: float = 0.0, end: float | None = None
) -> tuple[Waveform, int]:
    """Decodes a stream to mono [samples] at its own rate, and returns that rate.

    Args:
        stream: an audio file in any format libsndfile reads.
        name: what to call it in an error.
        start: seconds to leave out in front.
        end: where to stop, in seconds; None is the end.

    Raises:
        DataError: no audio, broken or cut off, empty, or with samples that are no numbers.
    """
    try:
        return read_excerpt(stream, start=start, end=end)
    except AudioError as error:
        raise DataError(f"{name} {error.message}") from error


def measure(
    source: BinaryIO | Path, name: str, *, start: float = 0.0, end: float | None = None
) -> float:
    """Decodes an audio file in a process of its own, and returns its length in seconds.

    What is wrong with it may crash a decoder: that is one file to be dropped, not the end of the
    run. Arguments as those of `decode`.

    Raises:
        DataError: as `decode`, or the decoder crashed, hung or took too much memory.
    """
    try:
        return shared_pool().measure_excerpt(source, start, end)
    except MediaCrashedError as error:
        raise DataError(f"{name}: {error.message}") from error
    except AudioError as error:
        raise DataError(f"{name} {error.message}") from error


def read_bytes(file: Path, offset: int = 0, length: int = -1) -> bytes:
    """Returns the bytes of a file from `offset`, all of them by default.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            stream.seek(offset)
            return stream.read(length)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error


def to_rate(samples: Waveform, rate: int) -> Waveform:
    """Resamples mono samples to 16 kHz."""
    if rate == SAMPLE_RATE:
        return samples
    resampled: Waveform = soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32, copy=False)
    return resampled
