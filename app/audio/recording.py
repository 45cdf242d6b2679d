"""One decoded recording: 16 kHz mono float32, in memory or in a file, with its statistics.

Decoded blocks go into a `RecordingBuilder`, or through a media worker into a file; windows come
out of `Recording.slice`, which copies only the requested range.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from app.audio.info import AudioInfo
from app.audio.statistics import Statistics
from app.contract.answers import Notice
from app.errors import AudioError

Samples = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000

# Ten steps of 16-bit audio. Speech peaks 30 dB and more above this even when it is recorded far
# too quietly, while the dither of a converter and the residue of a lossy codec stay below it.
SILENCE_PEAK = 10.0 ** (-70.0 / 20.0)

# The term wav2vec2's feature extractor adds to the variance (transformers,
# Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm).
_NORMALISE_EPSILON = 1e-7


class SampleStore(Protocol):
    """Where the samples of a recording are kept."""

    def read(self, start: int, stop: int) -> Samples:
        """Returns a copy of the samples from `start` up to `stop`, float32 [stop - start].

        Raises:
            ValueError: the store was closed.
        """
        ...

    def close(self) -> None:
        """Releases the memory, the file and its descriptor; the garbage collector does so too."""
        ...


class MemoryStore:
    """Samples in memory.

    Args:
        blocks: the samples in order, each [samples].
        on_close: called once, when the store is closed.
    """

    def __init__(
        self, blocks: Sequence[Samples], *, on_close: Callable[[], None] = lambda: None
    ) -> None:
        self._blocks = tuple(blocks)
        self._on_close = on_close
        self._starts: list[int] = []
        position = 0
        for block in self._blocks:
            self._starts.append(position)
            position += block.size

    def read(self, start: int, stop: int) -> Samples:
        """Returns a copy of a range; see `SampleStore`."""
        blocks = self._blocks
        if not blocks and stop > start:
            raise ValueError("the recording was closed")
        out = np.empty(stop - start, dtype=np.float32)
        filled = 0
        index = max(bisect_right(self._starts, start) - 1, 0)
        while filled < out.size:
            offset = start + filled - self._starts[index]
            part = blocks[index][offset : offset + out.size - filled]
            out[filled : filled + part.size] = part
            filled += part.size
            index += 1
        return out

    def close(self) -> None:
        """Releases the samples."""
        self._blocks = ()
        on_close, self._on_close = self._on_close, lambda: None
        on_close()

    def __del__(self) -> None:
        self.close()


class _StoreReference:
    """A store for one of those who share it; the store closes once none refers to it."""

    def __init__(self, store: SampleStore) -> None:
        self._store: SampleStore | None = store

    def read(self, start: int, stop: int) -> Samples:
        store = self._store
        if store is None:
            raise ValueError("the recording was closed")
        return store.read(start, stop)

    def close(self) -> None:
        self._store = None


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a recording: the samples from `start` up to `stop`."""

    start: int
    stop: int

    @property
    def samples(self) -> int:
        """Its length."""
        return self.stop - self.start

    @property
    def seconds(self) -> float:
        """Its length at 16 kHz."""
        return self.samples / SAMPLE_RATE


class Recording:
    """One decoded recording: mono, 16 kHz, float32, nominally in -1..1.

    Args:
        store: where the samples are kept.
        statistics: of all samples.
        info: the file it was read from; None for samples without a file, or without a header.
        notices: warnings from reading the file.
    """

    __slots__ = ("_statistics", "_store", "info", "notices")

    def __init__(
        self,
        store: SampleStore,
        statistics: Statistics,
        info: AudioInfo | None = None,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        self.info = info
        self.notices = notices
        self._store = store
        self._statistics = statistics

    @classmethod
    def from_samples(cls, samples: Samples) -> "Recording":
        """Returns a recording of one array [samples], 16 kHz mono float32.

        Raises:
            AudioError: a sample is not a finite number.
        """
        builder = RecordingBuilder()
        builder.append(samples)
        return builder.build()

    @property
    def statistics(self) -> Statistics:
        """Moments of all samples."""
        return self._statistics

    @property
    def samples(self) -> int:
        """Length in samples at 16 kHz."""
        return self._statistics.count

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples / SAMPLE_RATE

    @property
    def peak(self) -> float:
        """The largest absolute sample."""
        return self._statistics.peak

    @property
    def mean(self) -> float:
        """The mean of all samples."""
        return self._statistics.mean

    @property
    def variance(self) -> float:
        """The population variance of all samples; 0 for an empty recording."""
        return self._statistics.deviations / self.samples if self.samples else 0.0

    @property
    def is_silent(self) -> bool:
        """True where no sample reaches -70 dBFS: nothing in it can be speech."""
        return bool(self.peak < SILENCE_PEAK)

    def slice(self, start: int, stop: int, *, normalise: bool = False) -> Samples:
        """Returns a copy of the samples from `start` up to `stop`.

        Args:
            start: first sample, at least 0.
            stop: one past the last sample, at most `samples`.
            normalise: zero mean and unit variance, (x - mean) / sqrt(variance + 1e-7), with the
                statistics of the whole recording, so that every window is scaled alike.

        Returns:
            float32 [stop - start].

        Raises:
            ValueError: the range is not within the recording, or the recording was closed.
        """
        if not 0 <= start <= stop <= self.samples:
            raise ValueError(f"samples {start}..{stop} are not within 0..{self.samples}")
        out = self._store.read(start, stop)
        if normalise:
            out -= np.float32(self.mean)
            out /= np.float32(math.sqrt(self.variance + _NORMALISE_EPSILON))
        return out

    def share(self) -> "Recording":
        """Returns a recording of the same samples, which are released once both are closed."""
        store = self._store
        self._store = _StoreReference(store)
        return Recording(_StoreReference(store), self._statistics, self.info, self.notices)

    def excerpt(self, spans: Sequence[Span]) -> "Recording":
        """Returns parts of this recording, joined; it must stay open for as long as they are read.

        They are normalised with the statistics of the whole recording.

        Args:
            spans: within the recording.
        """
        count = sum(span.samples for span in spans)
        return Recording(
            _Excerpt(self, spans),
            replace(self._statistics, count=count, deviations=self.variance * count),
            self.info,
            self.notices,
        )

    def close(self) -> None:
        """Releases the samples; the garbage collector does so too."""
        self._store.close()


class _Excerpt:
    """A `SampleStore` of parts of a recording.

    Args:
        recording: has the samples.
        spans: within it.
    """

    def __init__(self, recording: Recording, spans: Sequence[Span]) -> None:
        self._recording = recording
        self._spans = tuple(spans)

    def read(self, start: int, stop: int) -> Samples:
        """Returns a copy of a range; see `SampleStore`."""
        parts = [np.zeros(0, np.float32)]
        position = 0
        for span in self._spans:
            first = span.start + max(0, start - position)
            last = min(span.stop, span.start + stop - position)
            if first < last:
                parts.append(self._recording.slice(first, last))
            position += span.samples
        return np.concatenate(parts)

    def close(self) -> None:
        """Does nothing: the samples are those of the recording."""


def check_finite(block: Samples, before: int) -> None:
    """Raises where samples cannot be transcribed.

    Args:
        block: float32 [samples].
        before: how many samples came before it.

    Raises:
        AudioError: a sample is not a finite number.
    """
    finite = np.isfinite(block)
    if not finite.all():
        seconds = (before + int(np.argmin(finite))) / SAMPLE_RATE
        raise AudioError(
            f"The audio holds samples that are not finite numbers, near {seconds:.2f} s: "
            "not-a-number and infinite values cannot be transcribed."
        )


class RecordingBuilder:
    """Collects decoded blocks and their statistics."""

    def __init__(self) -> None:
        self._blocks: list[Samples] = []
        self._statistics = Statistics()

    @property
    def samples(self) -> int:
        """How many samples were appended."""
        return self._statistics.count

    def append(self, block: Samples) -> None:
        """Adds the next block, float32 [samples] at 16 kHz; it is kept, not copied.

        Raises:
            AudioError: a sample is not a finite number.
        """
        if not block.size:
            return
        check_finite(block, self.samples)
        self._statistics = self._statistics.merged(block)
        self._blocks.append(block)

    def build(self, info: AudioInfo | None = None, notices: tuple[Notice, ...] = ()) -> Recording:
        """Returns the recording of everything that was appended."""
        return Recording(MemoryStore(self._blocks), self._statistics, info, notices)
