"""The one formula from samples to frames, against the convolutions it describes."""

import numpy as np
import pytest

from app.audio.frames import FrameGrid

WAV2VEC2 = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))


def layer_by_layer(samples: int, layers: tuple[tuple[int, int], ...]) -> int:
    for kernel, stride in layers:
        samples = len(range(0, samples - kernel + 1, stride))
    return samples


@pytest.mark.parametrize("layers", [WAV2VEC2, ((3, 1), (20, 7), (8, 8)), ((1, 1),), ((7, 9),)])
def test_frame_count_equals_that_of_consecutive_convolutions(layers) -> None:
    grid = FrameGrid.of_convolutions(layers)
    for samples in (*range(1200), 16_000, 480_001):
        assert grid.frames(samples) == layer_by_layer(samples, layers)


def test_wav2vec2_has_a_frame_of_25_ms_every_20_ms() -> None:
    assert FrameGrid.of_convolutions(WAV2VEC2) == FrameGrid(hop=320, receptive_field=400)


@pytest.mark.parametrize("frames", [1, 2, 49, 1000])
def test_samples_of_frames_are_the_fewest_that_give_them(frames: int) -> None:
    grid = FrameGrid(hop=320, receptive_field=400)
    assert grid.frames(grid.samples(frames)) == frames
    assert grid.frames(grid.samples(frames) - 1) == frames - 1


def test_samples_outside_of_a_frame_do_not_change_it() -> None:
    """A convolution of ones counts the samples it sees."""
    grid = FrameGrid.of_convolutions(WAV2VEC2)
    values = np.zeros(4000)
    values[2 * grid.hop : 2 * grid.hop + grid.receptive_field] = 1
    for kernel, stride in WAV2VEC2:
        windows = np.lib.stride_tricks.sliding_window_view(values, kernel)[::stride]
        values = windows.min(axis=1)
    assert np.flatnonzero(values).tolist() == [2]
