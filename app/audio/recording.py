"""16 kHz mono float32 as a list of blocks, with the statistics of the whole.

Decoded blocks flow into a `RecordingBuilder`; windows flow out of `Recording.slice`, so a long
recording is in memory once and only the asked range is ever copied.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.audio.info import AudioInfo
from app.errors import AudioError
from app.notices import Notice

Samples = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000

# Ten steps of 16-bit audio. Speech peaks 30 dB and more above this even when it is recorded far
# too quietly, while the dither of a converter and the residue of a lossy codec stay below it.
SILENCE_DBFS = -70.0
_SILENCE_PEAK = 10.0 ** (SILENCE_DBFS / 20.0)

# The term wav2vec2's feature extractor adds to the variance (transformers,
# Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm).
_NORMALISE_EPSILON = 1e-7


@dataclass(frozen=True, slots=True)
class _Statistics:
    """Moments of a signal: count, mean, sum of squared deviations and peak, in float64."""

    count: int = 0
    mean: float = 0.0
    deviations: float = 0.0
    peak: float = 0.0

    def merged(self, block: Samples) -> "_Statistics":
        """The statistics with one more block [samples].

        Pairwise update of Chan, Golub and LeVeque (1979): unlike a running sum of squares it
        keeps its precision over hours and with a constant offset in the signal.
        """
        count = self.count + block.size
        exact = block.astype(np.float64)
        mean = float(exact.mean())
        exact -= mean
        difference = mean - self.mean
        return _Statistics(
            count=count,
            mean=self.mean + difference * block.size / count,
            deviations=self.deviations
            + float(exact @ exact)
            + difference * difference * self.count * block.size / count,
            peak=max(self.peak, float(block.max()), -float(block.min())),
        )


class Recording:
    """One decoded recording: mono, 16 kHz, float32, nominally in -1..1.

    Args:
        blocks: the samples in order, each [samples].
        statistics: of all blocks together.
        info: what file it came from; None for samples that came from none.
        notices: what is to be known about how it was read.
    """

    __slots__ = ("_blocks", "_starts", "_statistics", "info", "notices")

    def __init__(
        self,
        blocks: Sequence[Samples],
        statistics: _Statistics,
        info: AudioInfo | None = None,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        self.info = info
        self.notices = notices
        self._blocks = tuple(blocks)
        self._statistics = statistics
        self._starts: list[int] = []
        position = 0
        for block in self._blocks:
            self._starts.append(position)
            position += block.size

    @classmethod
    def from_samples(cls, samples: Samples) -> "Recording":
        """A recording of one array [samples], 16 kHz mono float32.

        Raises:
            AudioError: a sample is not a finite number.
        """
        builder = RecordingBuilder()
        builder.append(samples)
        return builder.build()

    @property
    def samples(self) -> int:
        """How many samples there are at 16 kHz."""
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
        return bool(self.peak < _SILENCE_PEAK)

    def slice(self, start: int, stop: int, *, normalise: bool = False) -> Samples:
        """A copy of the samples from `start` up to `stop`.

        Args:
            start: first sample, at least 0.
            stop: one past the last sample, at most `samples`.
            normalise: zero mean and unit variance, (x - mean) / sqrt(variance + 1e-7), with the
                statistics of the whole recording, so that every window is scaled alike.

        Returns:
            float32 [stop - start].

        Raises:
            ValueError: the range is not within the recording.
        """
        if not 0 <= start <= stop <= self.samples:
            raise ValueError(f"samples {start}..{stop} are not within 0..{self.samples}")
        out = np.empty(stop - start, dtype=np.float32)
        filled = 0
        index = max(bisect_right(self._starts, start) - 1, 0)
        while filled < out.size:
            offset = start + filled - self._starts[index]
            part = self._blocks[index][offset : offset + out.size - filled]
            out[filled : filled + part.size] = part
            filled += part.size
            index += 1
        if normalise:
            out -= np.float32(self.mean)
            out /= np.float32(math.sqrt(self.variance + _NORMALISE_EPSILON))
        return out


class RecordingBuilder:
    """Collects decoded blocks and their statistics."""

    def __init__(self) -> None:
        self._blocks: list[Samples] = []
        self._statistics = _Statistics()

    @property
    def samples(self) -> int:
        """How many samples were appended so far."""
        return self._statistics.count

    def append(self, block: Samples) -> None:
        """Add the next block, float32 [samples] at 16 kHz; it is kept, not copied.

        Raises:
            AudioError: a sample is not a finite number.
        """
        if not block.size:
            return
        if not np.isfinite(block).all():
            seconds = (self.samples + int(np.argmin(np.isfinite(block)))) / SAMPLE_RATE
            raise AudioError(
                f"The audio holds samples that are not finite numbers, near {seconds:.2f} s: "
                "not-a-number and infinite values cannot be transcribed."
            )
        self._statistics = self._statistics.merged(block)
        self._blocks.append(block)

    def build(self, info: AudioInfo | None = None, notices: tuple[Notice, ...] = ()) -> Recording:
        """The recording of everything appended so far."""
        return Recording(self._blocks, self._statistics, info, notices)
