"""Samples in, frames out, and back; and the few widths that batches are padded to."""

from dataclasses import dataclass

from transformers import Wav2Vec2Config

_STEP = 8  # frames
_SHARE = 16  # longer rows go up in steps of a sixteenth of their length


@dataclass(frozen=True, slots=True)
class Framing:
    """How the convolutions of a model make frames of samples: (kernel, stride) of each."""

    layers: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, config: Wav2Vec2Config) -> "Framing":
        """Read it from a model's configuration."""
        return cls(tuple(zip(config.conv_kernel, config.conv_stride, strict=True)))

    def frames(self, samples: int) -> int:
        """Return how many frames so many samples give."""
        for kernel, stride in self.layers:
            samples = (samples - kernel) // stride + 1
        return max(0, samples)

    def samples(self, frames: int) -> int:
        """Return the most samples that give no more than so many frames."""
        for kernel, stride in reversed(self.layers):
            # One more input than this would be the first of another output.
            frames = frames * stride + kernel - 1
        return frames

    def width(self, samples: int) -> int:
        """Return the samples that a batch with a row of so many is padded to.

        There are few such widths, about 6 % apart: for every new shape the CPU's library
        compiles and keeps new kernels, which cost a quarter of the time and in the end all
        of the memory when no two batches were alike.
        """
        frames = max(1, self.frames(samples))
        step = _STEP * max(1, frames // (_STEP * _SHARE))
        return self.samples(-(-frames // step) * step)
