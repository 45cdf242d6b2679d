"""Windows back to one recording."""

import numpy as np
import pytest
from engine_parts import RATE, frame_features, noise, spans
from hypothesis import given
from hypothesis import strategies as st

from app.engine.stitch import Stitcher
from app.errors import EncodingError

RECORDING = noise(0, 9.37)
WINDOWS = spans(len(RECORDING), length=2 * RATE, context=12 * 320)
WHOLE = frame_features(RECORDING)


def part(index: int) -> np.ndarray:
    return frame_features(RECORDING[WINDOWS[index].start : WINDOWS[index].stop])


@given(order=st.permutations(range(len(WINDOWS))))
def test_any_order_of_arrival_gives_the_single_pass_and_calls_back_in_order(order):
    announced: list[tuple[int, np.ndarray]] = []
    stitcher = Stitcher(WINDOWS, lambda index, kept: announced.append((index, kept.copy())))
    for count, index in enumerate(order):
        assert stitcher.complete == (count == len(WINDOWS))
        stitcher.add(index, part(index))
    assert stitcher.complete
    np.testing.assert_array_equal(stitcher.emissions, WHOLE)
    assert [index for index, _ in announced] == list(range(len(WINDOWS)))
    np.testing.assert_array_equal(np.concatenate([kept for _, kept in announced]), WHOLE)


def test_window_is_passed_on_as_soon_as_all_before_it_arrived():
    announced: list[int] = []
    stitcher = Stitcher(WINDOWS[:3], lambda index, kept: announced.append(index))
    stitcher.add(1, part(1))
    assert announced == []
    stitcher.add(0, part(0))
    assert announced == [0, 1]


def test_window_that_arrives_twice_counts_once():
    stitcher = Stitcher(WINDOWS[:2])
    stitcher.add(0, part(0))
    stitcher.add(0, part(0))
    assert not stitcher.complete


def test_window_with_too_few_frames_is_an_error():
    stitcher = Stitcher(WINDOWS)
    with pytest.raises(EncodingError, match="3 frames for window 1"):
        stitcher.add(1, part(1)[:3])
