"""A recording returns what was decoded, with the statistics of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio import Recording
from app.audio.recording import MemoryStore, RecordingBuilder
from app.audio.statistics import Statistics
from app.errors import AudioError


def in_blocks(samples: np.ndarray, cuts: list[int]) -> Recording:
    builder = RecordingBuilder()
    for block in np.split(samples, sorted(cuts)):
        builder.append(block)
    return builder.build()


@given(
    size=st.integers(1, 400),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    bounds=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    offset=st.floats(-0.5, 0.5),
)
@settings(deadline=None)
def test_slices_do_not_depend_on_block_boundaries(
    size: int, cuts: list[int], bounds: tuple[int, int], offset: float
) -> None:
    samples = np.random.default_rng(size).standard_normal(size).astype(np.float32) + np.float32(
        offset
    )
    recording = in_blocks(samples, [min(cut, size) for cut in cuts])
    start, stop = sorted(min(bound, size) for bound in bounds)
    np.testing.assert_array_equal(recording.slice(start, stop), samples[start:stop])
    exact = samples.astype(np.float64)
    assert recording.samples == size
    assert recording.duration == size / 16_000
    assert recording.mean == pytest.approx(exact.mean(), abs=1e-12)
    assert recording.variance == pytest.approx(exact.var(), rel=1e-9, abs=1e-15)
    assert recording.peak == np.abs(samples).max()


def test_normalisation_uses_the_statistics_of_the_whole_recording() -> None:
    samples = np.concatenate([np.full(1_000, 0.1), np.full(1_000, 0.5)]).astype(np.float32)
    recording = in_blocks(samples, [700])
    expected = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    part = recording.slice(900, 1_100, normalise=True)
    assert part.dtype == np.float32
    np.testing.assert_allclose(part, expected[900:1_100], atol=1e-5)


def test_variance_is_precise_with_a_large_offset() -> None:
    """A running sum of squares would lose these: 1e8 squared needs all of a float64."""
    ripple = np.tile(np.array([0.0, 8.0], dtype=np.float32), 5_000)
    recording = in_blocks(np.float32(1e8) + ripple, [3_333, 6_666])
    assert recording.variance == pytest.approx(16.0, rel=1e-6)


def test_slice_is_a_copy() -> None:
    recording = Recording.from_samples(np.zeros(10, dtype=np.float32))
    recording.slice(0, 10)[:] = 1
    assert recording.slice(0, 10).max() == 0


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 2), (0, 11), (11, 11)])
def test_slice_beyond_the_recording_raises(start: int, stop: int) -> None:
    recording = Recording.from_samples(np.zeros(10, dtype=np.float32))
    with pytest.raises(ValueError, match="not within"):
        recording.slice(start, stop)


@pytest.mark.parametrize(
    ("peak", "silent"), [(0.0, True), (2e-4, True), (5e-4, False), (1.0, False)]
)
def test_recording_is_silent_below_the_threshold(peak: float, silent: bool) -> None:
    samples = np.zeros(1_600, dtype=np.float32)
    samples[800] = -peak
    assert Recording.from_samples(samples).is_silent is silent


def test_non_finite_samples_are_refused_with_their_time() -> None:
    samples = np.zeros(16_000, dtype=np.float32)
    samples[8_000] = np.nan
    with pytest.raises(AudioError, match=r"near 0\.50 s"):
        Recording.from_samples(samples)


def test_shared_samples_are_released_once_both_recordings_are_closed() -> None:
    closed: list[bool] = []
    samples = np.arange(4, dtype=np.float32)
    store = MemoryStore([samples], on_close=lambda: closed.append(True))
    recording = Recording(store, Statistics().merged(samples))
    del store
    shared = recording.share()
    recording.close()
    recording.close()
    with pytest.raises(ValueError, match="closed"):
        recording.slice(0, 4)
    assert not closed
    np.testing.assert_array_equal(shared.slice(0, 4), samples)
    assert shared.statistics == recording.statistics
    shared.close()
    assert closed == [True]
