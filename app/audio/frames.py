"""The frames of a convolutional encoder, and the windows that long audio is encoded in.

Convolutions without padding in a row are one convolution: frame k sees the samples from k * hop up
to k * hop + receptive_field.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt


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


@dataclass(frozen=True, slots=True)
class Window:
    """A range of samples to encode, and which of its frames are kept.

    Attributes:
        start: first sample, a multiple of the hop.
        stop: one past the last sample.
        keep_from: first frame kept, counted within the window's own emissions.
        keep_to: one past the last frame kept.
    """

    start: int
    stop: int
    keep_from: int
    keep_to: int


def plan_windows(
    samples: int, *, window: int, context: int, hop: int, receptive_field: int
) -> list[Window]:
    """Cuts a recording into windows whose kept frames are exactly the recording's frames.

    Frame k is computed from the samples from k * hop up to k * hop + receptive_field, so there are
    (samples - receptive_field) // hop + 1 frames, none if the audio is shorter than one. Every
    kept frame has at least `context` samples of its window on both sides of its own samples, except
    at the two ends of the recording. As few windows as possible are used, all of the same length
    and spread evenly, so they batch without padding and the last one is not a stub. The kept frames
    of two windows meet in the middle of their overlap.

    Args:
        samples: length of the recording.
        window: the longest window.
        context: samples that each window encodes beyond its kept frames, on both sides.
        hop: samples from one frame to the next.
        receptive_field: samples that one frame is computed from.

    Returns:
        Windows in order; one for a recording that fits, none for one shorter than a frame.

    Raises:
        ValueError: the numbers leave no room for a kept frame in a window.
    """
    if samples < 0 or context < 0 or hop < 1 or receptive_field < 1:
        raise ValueError("samples and context are at least 0, hop and receptive_field at least 1")
    grid = FrameGrid(hop, receptive_field)
    frames = grid.frames(samples)
    if frames == 0:
        return []
    if samples <= window:
        return [Window(0, samples, 0, frames)]
    margin = -(-context // hop)
    longest = grid.frames(window)
    if longest <= 2 * margin:
        raise ValueError(
            f"a window of {window} samples has no frame left between two contexts of {context}"
        )
    count = max(1, -(-(frames - 2 * margin) // (longest - 2 * margin)))
    if count == 1:
        return [Window(0, grid.samples(frames), 0, frames)]
    length = -(-(frames + 2 * margin * (count - 1)) // count)
    starts = [index * (frames - length) // (count - 1) for index in range(count)]
    # The last frame that `left` may keep is length - margin - 1; the first of `right` is margin.
    boundaries = [(left + length + right) // 2 for left, right in pairwise(starts)]
    bounds = [0, *boundaries, frames]
    return [
        Window(
            start=start * hop,
            stop=(start + length - 1) * hop + receptive_field,
            keep_from=bounds[index] - start,
            keep_to=bounds[index + 1] - start,
        )
        for index, start in enumerate(starts)
    ]


def stitch(
    windows: Sequence[Window], emissions: Sequence[npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    """Drops the context frames of each window and joins the rest.

    Args:
        windows: as planned.
        emissions: float32 [frames, vocabulary] for each window, in the same order.

    Returns:
        float32 [all kept frames, vocabulary].

    Raises:
        ValueError: there is nothing to join, or a window's emissions have too few frames or
            another vocabulary than the first window's.
    """
    if not windows or len(windows) != len(emissions):
        raise ValueError(f"{len(windows)} windows but {len(emissions)} arrays of emissions")
    width = emissions[0].shape[1:]
    for window, part in zip(windows, emissions, strict=True):
        if part.shape[1:] != width or len(part) < window.keep_to:
            raise ValueError(
                f"emissions of shape {part.shape} for the window at sample {window.start}: "
                f"expected at least {window.keep_to} frames, each of shape {width}"
            )
    kept = [
        part[window.keep_from : window.keep_to]
        for window, part in zip(windows, emissions, strict=True)
    ]
    return kept[0] if len(kept) == 1 else np.concatenate(kept)
