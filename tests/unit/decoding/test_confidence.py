"""Calibrations: what they do to a hypothesis, and what their file may hold."""

import json
from pathlib import Path

import pytest

from app.decoding.boundaries import GENERAL_RULE, BoundaryRule
from app.decoding.confidence import (
    CALIBRATION_NAME,
    Calibration,
    Curve,
    calibration_data,
    found_by,
    load_calibration,
)
from app.decoding.types import Hypothesis
from app.errors import ConfigurationError
from app.transcript import Word

HYPOTHESIS = Hypothesis(
    "ja da", (Word("ja", 0.2, 0.26, 0.9), Word("da", 0.8, 0.9, 0.5)), score=-3.0
)
CALIBRATION = Calibration(
    BoundaryRule((0.0, 0.5), (0.0, 0.05), (0.01, 0.1), {"d": 0.02}, {"a": -0.03}),
    {"greedy": Curve((0.2, 0.7, 1.0), (0.1, 0.5, 0.95))},
)


def test_a_curve_is_interpolated_and_stays_at_its_ends() -> None:
    curve = CALIBRATION.curves["greedy"]
    assert [curve(posterior) for posterior in (0.0, 0.2, 0.45, 0.7, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.3, 0.5, 0.95]
    )


def test_words_get_boundaries_and_the_share_of_right_ones() -> None:
    calibrated = CALIBRATION.apply(HYPOTHESIS, "greedy", duration=0.95)
    first, second = calibrated.words
    assert (calibrated.text, calibrated.score) == ("ja da", -3.0)
    assert (first.start, first.end) == pytest.approx((0.15, 0.33))
    assert (second.start, second.end) == pytest.approx((0.73, 0.95))
    assert (first.confidence, second.confidence) == pytest.approx((0.8, 0.34))


def test_words_found_in_a_way_that_was_not_measured_keep_their_posterior() -> None:
    calibrated = CALIBRATION.apply(HYPOTHESIS, "beam+lm", duration=0.95)
    assert [word.confidence for word in calibrated.words] == [0.9, 0.5]


def test_a_hypothesis_without_words_stays_as_it_is() -> None:
    empty = Hypothesis("", (), 0.0)
    assert CALIBRATION.apply(empty, "greedy", duration=0.0) == empty


def test_the_curve_is_that_of_the_search_and_its_language_model() -> None:
    names = [("greedy", None), ("beam", None), ("beam", "news"), ("greedy+lm", "news")]
    assert [found_by(*name) for name in names] == ["greedy", "beam", "beam+lm", "greedy+lm"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    (tmp_path / CALIBRATION_NAME).write_text(json.dumps(calibration_data(CALIBRATION)))
    assert load_calibration([tmp_path / "elsewhere", tmp_path]) == CALIBRATION


def test_without_a_file_boundaries_are_those_of_all_models(tmp_path: Path) -> None:
    calibration = load_calibration([tmp_path])
    assert calibration.boundaries == GENERAL_RULE
    assert not calibration.curves


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("boundaries"),
        lambda data: data["boundaries"].update(gaps=[0.0]),
        lambda data: data["boundaries"].update(leads="far"),
        lambda data: data["confidence"]["greedy"].update(shares=[0.1, 0.5, 1.2]),
        lambda data: data["confidence"]["greedy"].update(shares=[0.5, 0.1, 0.9]),
        lambda data: data["confidence"]["greedy"].update(posteriors=[0.5, 0.5, 0.9]),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, change) -> None:
    data = calibration_data(CALIBRATION)
    change(data)
    (tmp_path / CALIBRATION_NAME).write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match=r"calibration\.json.*trainer calibrate"):
        load_calibration([tmp_path])


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / CALIBRATION_NAME).write_text("{")
    with pytest.raises(ConfigurationError, match=r"calibration\.json"):
        load_calibration([tmp_path])
