"""Curves from posteriors to shares of right words, and how far confidences are off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.calibration.curves import (
    calibration_error,
    fit_curve,
    pool_violators,
    reliability,
)


def draw(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors that are too sure: a word is right with the square of its posterior."""
    rng = np.random.default_rng(seed)
    posteriors = rng.random(count)
    return posteriors, (rng.random(count) < posteriors**2).astype(float)


def test_calibrated_confidence_equals_the_share_of_correct_words() -> None:
    curve = fit_curve(*draw(4000, seed=1))
    posteriors, right = draw(4000, seed=2)
    calibrated = np.array([curve(value) for value in posteriors])
    assert calibration_error(reliability(posteriors, right)) > 0.1
    assert calibration_error(reliability(calibrated, right)) < 0.03
    assert curve(0.5) == pytest.approx(0.25, abs=0.06)


def test_calibrated_confidence_stays_below_one() -> None:
    curve = fit_curve(np.array([0.9, 0.95]), np.array([1.0, 1.0]))
    assert curve(1.0) == pytest.approx(2.5 / 3)
    with pytest.raises(ValueError, match="no words"):
        fit_curve(np.zeros(0), np.zeros(0))


def test_equal_posteriors_give_a_curve_of_one_point() -> None:
    curve = fit_curve(np.full(500, 0.75), np.ones(500))
    assert curve.posteriors == (0.75,)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 5)), min_size=1, max_size=30))
def test_pooling_gives_a_rising_sequence_of_the_same_mean(
    items: list[tuple[float, float]],
) -> None:
    values, weights = (np.array(column) for column in zip(*items, strict=True))
    pooled = pool_violators(values, weights)
    assert (np.diff(pooled) >= 0).all()
    assert (pooled * weights).sum() == pytest.approx((values * weights).sum())
    rising = np.sort(values)
    assert pool_violators(rising, weights) == pytest.approx(rising)


def test_expected_calibration_error_follows_its_definition() -> None:
    bins = reliability(np.array([0.05, 0.95, 0.95, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert [(item.count, item.share) for item in bins] == [(1, 0.0), (3, pytest.approx(2 / 3))]
    assert calibration_error(bins) == pytest.approx((0.05 + 3 * (2.9 / 3 - 2 / 3)) / 4)
    assert calibration_error([]) == 0.0
