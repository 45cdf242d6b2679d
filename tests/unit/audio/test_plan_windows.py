"""Windows cover each frame once, with its context; stitching joins their emissions again."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.audio import Window, plan_windows, stitch

HOP, FIELD = 320, 400


def frame_count(samples: int, hop: int = HOP, field: int = FIELD) -> int:
    return max(0, (samples - field) // hop + 1)


@given(
    samples=st.integers(0, 400_000),
    window=st.integers(1, 60_000),
    context=st.integers(0, 12_000),
    hop=st.integers(1, 640),
    field=st.integers(1, 1_000),
)
@example(samples=320_001, window=320_000, context=32_000, hop=HOP, field=FIELD)
@example(samples=16_000 * 3_600, window=320_000, context=32_000, hop=HOP, field=FIELD)
def test_each_frame_is_kept_once_with_its_context(
    samples: int, window: int, context: int, hop: int, field: int
) -> None:
    most = frame_count(window, hop, field)
    assume(samples <= window or most > 2 * -(-context // hop))
    assume(samples // hop < 200 * max(1, most - 2 * -(-context // hop)))
    windows = plan_windows(samples, window=window, context=context, hop=hop, receptive_field=field)
    total = frame_count(samples, hop, field)

    kept_from = [part.start // hop + part.keep_from for part in windows]
    kept_to = [part.start // hop + part.keep_to for part in windows]
    # Kept ranges begin at 0, meet end to end and stop at the total.
    assert [*kept_from, total] == [0, *kept_to]
    for part in windows:
        assert part.start % hop == 0
        assert 0 <= part.start < part.stop <= samples
        assert part.stop - part.start <= window
        own = frame_count(part.stop - part.start, hop, field)
        assert 0 <= part.keep_from < part.keep_to <= own
        first, last = part.start // hop + part.keep_from, part.start // hop + part.keep_to - 1
        assert first == 0 or first * hop - part.start >= context
        assert last == total - 1 or part.stop - (last * hop + field) >= context
    assert len({part.stop - part.start for part in windows}) <= 1


def test_recording_that_fits_is_one_window() -> None:
    assert plan_windows(
        320_000, window=320_000, context=32_000, hop=HOP, receptive_field=FIELD
    ) == [Window(start=0, stop=320_000, keep_from=0, keep_to=999)]


@pytest.mark.parametrize("samples", [0, 1, 399])
def test_recording_shorter_than_a_frame_has_no_window(samples: int) -> None:
    assert plan_windows(samples, window=320_000, context=0, hop=HOP, receptive_field=FIELD) == []


def test_windows_are_few_and_of_equal_length() -> None:
    """21 s in windows of 20 s: two of about 12.5 s, not one of 20 and one of 5."""
    windows = plan_windows(336_000, window=320_000, context=32_000, hop=HOP, receptive_field=FIELD)
    assert len(windows) == 2
    lengths = [part.stop - part.start for part in windows]
    assert lengths[0] == lengths[1]
    assert lengths[0] == pytest.approx(200_000, abs=HOP * 2)


def test_window_shorter_than_its_contexts_is_refused() -> None:
    with pytest.raises(ValueError, match="no frame left"):
        plan_windows(100_000, window=64_000, context=32_000, hop=HOP, receptive_field=FIELD)
    with pytest.raises(ValueError, match="at least"):
        plan_windows(100_000, window=64_000, context=-1, hop=HOP, receptive_field=FIELD)


@given(samples=st.integers(400, 200_000), context=st.integers(0, 4_000))
def test_stitching_restores_the_sequence(samples: int, context: int) -> None:
    windows = plan_windows(samples, window=16_000, context=context, hop=HOP, receptive_field=FIELD)
    total = frame_count(samples)
    whole = np.arange(total * 3, dtype=np.float32).reshape(total, 3)
    parts = []
    for part in windows:
        first = part.start // HOP
        parts.append(whole[first : first + frame_count(part.stop - part.start)])
    np.testing.assert_array_equal(stitch(windows, parts), whole)


def test_stitching_refuses_emissions_of_the_wrong_shape() -> None:
    windows = [Window(0, 720, 0, 1), Window(320, 1_040, 1, 2)]
    right = np.zeros((2, 5), dtype=np.float32)
    assert stitch(windows, [right, right]).shape == (2, 5)
    for wrong in (right[:1], right[:, :4], right[0]):
        with pytest.raises(ValueError, match="expected at least 2 frames"):
            stitch(windows, [right, wrong])
    with pytest.raises(ValueError, match="2 windows but 1"):
        stitch(windows, [right])
    with pytest.raises(ValueError, match="0 windows"):
        stitch([], [])
