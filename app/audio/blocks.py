"""Blocks of decoded audio: read by a library, mixed to one channel, resampled to 16 kHz.

A reader gives blocks of mono audio at the file's own rate; readers mix the channels with `Mixer`,
so only one channel is ever resampled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soxr

from app.audio.info import AudioInfo
from app.audio.recording import SAMPLE_RATE, Samples

# 1 MiB of float32: large enough that the calls cost nothing, small beside a window of audio.
BLOCK_VALUES = 262_144

# soxr's 20-bit setting: its noise lies below that of 16-bit audio.
_QUALITY = "HQ"
# Frames over which energies are summed: 20 to 130 ms at usual rates.
_PIECE = 1_024
# How much of the earlier energies still counts at the next piece.
_MEMORY = 0.6
# Energy of the mean, relative to that of uncorrelated channels: 1 for those, the number of channels
# where all are alike, 0 where they cancel. Below the first threshold they cancel; above the second
# they no longer do.
_CANCELLED, _RESTORED = 0.1, 0.3
# Another channel becomes the loudest only with this many times the energy.
_LOUDER = 4.0
_FADE_FRAMES = 256


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive mono samples, float32 [samples], at `rate` Hz."""

    samples: Samples
    rate: int


class Reader(Protocol):
    """Decodes one stream: the interface of the libraries that read files."""

    @property
    def info(self) -> AudioInfo | None:
        """The file and its tracks; None for samples without a header."""
        ...

    @property
    def declared(self) -> float | None:
        """Seconds that the header declares; None where it declares none, or is unreliable."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yields the audio in order.

        Raises:
            AudioError: the stream is damaged or was cut short.
        """
        ...

    def close(self) -> None:
        """Releases the decoder; the stream stays open."""
        ...


class Mixer:
    """Mixes the channels of one stream: their mean, or the loudest where they cancel each other.

    A microphone with reversed polarity, or a balanced line taken for stereo, gives one channel
    that is the negative of the other: their mean is silence, and the speech is lost.

    Args:
        channel: the only channel to take, from 0; silence where the stream, or a part of it, has
            fewer. None mixes them.
    """

    def __init__(self, channel: int | None = None) -> None:
        self._channel = channel
        self._energies: npt.NDArray[np.float64] | None = None
        self._mixed = 0.0
        self._chosen: int | None = None
        self._started = False

    def mix(self, frames: npt.NDArray[np.float32]) -> Samples:
        """Mixes the next frames: float32 [frames, channels] to float32 [frames].

        Values that are not finite stay so; they are refused where the recording is built.
        """
        if self._channel is not None:
            return _channel_of(frames, self._channel)
        mean = mix_down(frames)
        channels = frames.shape[1]
        if channels == 1 or not len(frames):
            return mean
        if self._energies is None or self._energies.size != channels:
            self._energies, self._mixed, self._chosen = np.zeros(channels), 0.0, None
        each, mixed = _energies(frames), _energies(mean[:, None])[:, 0]
        out = mean
        for index in range(len(each)):
            before, start = self._chosen, index * _PIECE
            self._decide(each[index], float(mixed[index]))
            if self._chosen is None and before is None:
                self._started = True
                continue
            if out is mean:
                out = mean.copy()
            piece = slice(start, start + _PIECE)
            self._fill(out[piece], frames[piece], mean[piece], before)
        return out

    def _decide(self, each: npt.NDArray[np.float64], mixed: float) -> None:
        """Updates the energies with one more piece, and chooses a channel or the mean."""
        if self._energies is None or not np.isfinite(each).all():
            return
        self._energies = _MEMORY * self._energies + each
        self._mixed = _MEMORY * self._mixed + mixed
        total = float(self._energies.sum())
        if total <= 0:
            return
        likeness = self._mixed * each.size**2 / total
        if self._chosen is None and likeness < _CANCELLED:
            self._chosen = int(np.argmax(self._energies))
        elif self._chosen is not None and likeness > _RESTORED:
            self._chosen = None
        elif self._chosen is not None:
            loudest = int(np.argmax(self._energies))
            if self._energies[loudest] > _LOUDER * self._energies[self._chosen]:
                self._chosen = loudest

    def _fill(
        self,
        out: Samples,
        frames: npt.NDArray[np.float32],
        mean: Samples,
        before: int | None,
    ) -> None:
        """Writes one piece of the chosen signal, cross-faded from the one chosen before."""
        now = mean if self._chosen is None else frames[:, self._chosen]
        if before != self._chosen and self._started:
            last = mean if before is None else frames[:, before]
            count = min(_FADE_FRAMES, len(frames))
            fade = np.linspace(0, 1, count, endpoint=False, dtype=np.float32)
            out[:count] = fade * now[:count] + (1 - fade) * last[:count]
            out[count:] = now[count:]
        else:
            out[:] = now
        self._started = True


class Resampler:
    """Converts a stream of blocks to 16 kHz, without a click where two blocks meet.

    Where the rate changes, a new conversion starts.
    """

    def __init__(self) -> None:
        self._rate = SAMPLE_RATE
        self._stream: soxr.ResampleStream | None = None

    def push(self, block: Block) -> list[Samples]:
        """Adds a block; returns the samples that are complete: float32 arrays at 16 kHz."""
        ready: list[Samples] = []
        if block.rate != self._rate:
            ready += self.finish()
            self._rate = block.rate
            if block.rate != SAMPLE_RATE:
                self._stream = soxr.ResampleStream(
                    block.rate, SAMPLE_RATE, 1, dtype="float32", quality=_QUALITY
                )
        if self._stream is None:
            ready.append(block.samples)
        else:
            ready.append(self._stream.resample_chunk(np.ascontiguousarray(block.samples)))
        return ready

    def finish(self) -> list[Samples]:
        """Returns the samples that are still buffered, after the last block at this rate."""
        if self._stream is None:
            return []
        rest = self._stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)
        self._stream = None
        return [rest]


def mix_down(frames: npt.NDArray[np.float32]) -> Samples:
    """Returns the mean of all channels: float32 [frames, channels] to float32 [frames].

    Values that are not finite stay so; they are refused where the recording is built.
    """
    channels = frames.shape[1]
    if channels == 1:
        return frames[:, 0]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mixed: Samples = frames @ np.full(channels, 1.0 / channels, dtype=np.float32)
    return mixed


def _channel_of(frames: npt.NDArray[np.float32], channel: int) -> Samples:
    if channel < frames.shape[1]:
        return np.ascontiguousarray(frames[:, channel])
    return np.zeros(len(frames), dtype=np.float32)


def _energies(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Sums the squares of each channel: [frames, channels] to float64 [pieces, channels]."""
    whole = len(frames) // _PIECE * _PIECE
    pieces = frames[:whole].reshape(-1, _PIECE, frames.shape[1])
    with np.errstate(all="ignore"):
        sums: npt.NDArray[np.float32] = np.einsum("pfc,pfc->pc", pieces, pieces)
        if whole < len(frames):
            rest = np.einsum("fc,fc->c", frames[whole:], frames[whole:])
            sums = np.concatenate([sums, rest[None]])
    return sums.astype(np.float64)
