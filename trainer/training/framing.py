"""Converts between samples and frames, and chooses the few widths that batches are padded to."""

from dataclasses import dataclass

from transformers import Wav2Vec2Config

from app.audio.frames import FrameGrid

_STEP = 8  # frames
_SHARE = 16  # longer rows go up in steps of a sixteenth of their length


@dataclass(frozen=True, slots=True)
class Framing:
    """How the convolutions of a model make frames of samples."""

    grid: FrameGrid

    @classmethod
    def of(cls, config: Wav2Vec2Config) -> "Framing":
        """Reads it from a model's configuration."""
        layers = zip(config.conv_kernel, config.conv_stride, strict=True)
        return cls(FrameGrid.of_convolutions(layers))

    def frames(self, samples: int) -> int:
        """Returns how many frames so many samples give."""
        return self.grid.frames(samples)

    def samples(self, frames: int) -> int:
        """Returns the most samples that give no more than so many frames."""
        return self.grid.samples(frames + 1) - 1

    def width(self, samples: int) -> int:
        """Returns the samples that a batch with a row of so many is padded to.

        There are few such widths, about 6 % apart: for every new shape the CPU's library
        compiles and keeps new kernels, which cost a quarter of the time and in the end all
        of the memory when no two batches were alike.
        """
        frames = max(1, self.frames(samples))
        step = _STEP * max(1, frames // (_STEP * _SHARE))
        return self.samples(-(-frames // step) * step)
