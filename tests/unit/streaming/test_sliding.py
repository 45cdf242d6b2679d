"""Emissions of growing audio: what windows are encoded, and that joined they are the whole."""

import numpy as np
import pytest

from app.audio import SAMPLE_RATE, Window
from app.streaming.recognizer import Margins, SlidingEmissions

HOP, FIELD = 320, 400


def encode(samples: np.ndarray, window: Window) -> np.ndarray:
    """Returns the kept frames, [frames, 1], each with its position as its value."""
    count = (window.stop - window.start - FIELD) // HOP + 1
    frames = samples[window.start :: HOP][:count, None].astype(np.float32)
    return frames[window.keep_from : window.keep_to]


@pytest.mark.parametrize("step", [0.05, 0.19, 1.0, 9.0])
def test_joined_windows_equal_the_whole_and_stay_short(step: float) -> None:
    samples = np.arange(20 * SAMPLE_RATE)
    margins = Margins(window=4.0, before=1.0, after=0.8)
    sliding = SlidingEmissions(HOP, FIELD, margins)
    joined = np.empty((0, 1), np.float32)
    for stop in range(round(step * SAMPLE_RATE), len(samples) + 1, round(step * SAMPLE_RATE)):
        known = len(joined)
        window = sliding.plan(stop)
        assert window is not None
        assert window.stop == stop
        joined = sliding.add(window, encode(samples, window))
        assert len(joined) == (stop - FIELD) // HOP + 1
        assert np.array_equal(joined[:, 0], samples[::HOP][: len(joined)])
        length = (window.stop - window.start) / SAMPLE_RATE
        assert length <= max(margins.window, step + margins.before + margins.after) + 0.1
        # Frames too close to the edge at the last step are encoded again, with context before.
        first_kept = window.start // HOP + window.keep_from
        assert first_kept <= max(0, known - round(margins.after * SAMPLE_RATE / HOP))


def test_less_than_a_frame_is_not_encoded() -> None:
    sliding = SlidingEmissions(HOP, FIELD, Margins())
    assert sliding.plan(FIELD - 1) is None
    assert sliding.plan(FIELD) == Window(0, FIELD, 0, 1)
