"""How the samples of a recording become the frames of a convolutional encoder.

Convolutions without padding in a row are one convolution: frame k sees the samples from k * hop up
to k * hop + receptive_field.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """Where the frames of an encoder lie.

    Attributes:
        hop: samples from one frame to the next.
        receptive_field: samples that one frame sees, which is the shortest input.
    """

    hop: int
    receptive_field: int

    @classmethod
    def of_convolutions(cls, layers: Iterable[tuple[int, int]]) -> "FrameGrid":
        """Returns the grid of convolutions without padding.

        Args:
            layers: kernel and stride of each, first layer first.
        """
        hop, field = 1, 1
        for kernel, stride in layers:
            field += (kernel - 1) * hop
            hop *= stride
        return cls(hop, field)

    def frames(self, samples: int) -> int:
        """Returns the number of frames of so many samples; 0 for fewer than a frame sees."""
        return max(0, (samples - self.receptive_field) // self.hop + 1)

    def samples(self, frames: int) -> int:
        """Returns how many samples so many frames, at least one, see together."""
        return (frames - 1) * self.hop + self.receptive_field
