"""Blocks of mono audio at any rate in, blocks at 16 kHz out.

Channels are averaged by `mix_down` before this, so only one channel is ever resampled.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from app.audio.recording import SAMPLE_RATE, Samples

# soxr's 20-bit setting: its noise lies below that of 16-bit audio.
_QUALITY = "HQ"


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive mono samples, float32 [samples], at `rate` Hz."""

    samples: Samples
    rate: int


def mix_down(frames: npt.NDArray[np.float32]) -> Samples:
    """The mean of all channels: float32 [frames, channels] to float32 [frames].

    Values that are not finite stay so; they are refused where the recording is built.
    """
    channels = frames.shape[1]
    if channels == 1:
        return frames[:, 0]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mixed: Samples = frames @ np.full(channels, 1.0 / channels, dtype=np.float32)
    return mixed


class Resampler:
    """Converts a stream of blocks to 16 kHz, joining them without a seam.

    A stream that changes its rate midway starts a new conversion there.
    """

    def __init__(self) -> None:
        self._rate = SAMPLE_RATE
        self._stream: soxr.ResampleStream | None = None

    def push(self, block: Block) -> list[Samples]:
        """What is ready once `block` was added: float32 arrays at 16 kHz, in order."""
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
        """The samples still held back, once there are no more blocks at this rate."""
        if self._stream is None:
            return []
        rest = self._stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)
        self._stream = None
        return [rest]
