"""Calibration of word boundaries and confidences, and its file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.contract.answers import Word
from app.decoding.calibration import (
    CALIBRATION_NAME,
    GENERAL_RULE,
    BoundaryRule,
    Calibration,
    Curve,
    calibration_data,
    curve_name,
    load_calibration,
)
from app.decoding.types import Hypothesis
from app.errors import ConfigurationError

HYPOTHESIS = Hypothesis(
    "ja da", (Word("ja", 0.2, 0.26, 0.9), Word("da", 0.8, 0.9, 0.5)), score=-3.0
)
CALIBRATION = Calibration(
    BoundaryRule((0.0, 0.5), (0.0, 0.05), (0.01, 0.1), {"d": 0.02}, {"a": -0.03}),
    {"greedy": Curve((0.2, 0.7, 1.0), (0.1, 0.5, 0.95))},
    {"greedy": -4.0},
)


def test_curve_interpolates_and_is_constant_beyond_its_ends() -> None:
    curve = CALIBRATION.curves["greedy"]
    assert [curve(posterior) for posterior in (0.0, 0.2, 0.45, 0.7, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.3, 0.5, 0.95]
    )


def test_curve_may_have_a_plateau() -> None:
    assert Curve((0.2, 0.5, 0.8), (0.1, 0.1, 0.9))(0.4) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("posteriors", "shares", "message"),
    [
        ((), (), "at least one"),
        ((0.5,), (), "as many"),
        ((0.1, 0.5), (0.5,), "as many"),
        ((-0.1,), (0.5,), "0 to 1"),
        ((0.5,), (1.1,), "0 to 1"),
        ((float("nan"),), (0.5,), "0 to 1"),
        ((0.5, 0.5), (0.1, 0.2), "ascend"),
        ((0.5, 0.6), (0.2, 0.1), "not fall"),
    ],
)
def test_invalid_curve_is_refused(
    posteriors: tuple[float, ...], shares: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Curve(posteriors, shares)


def test_apply_sets_boundaries_and_calibrated_confidences() -> None:
    calibrated = CALIBRATION.apply(HYPOTHESIS, duration=0.95)
    first, second = calibrated.words
    assert (calibrated.text, calibrated.score) == ("ja da", -3.0)
    assert (first.start, first.end) == pytest.approx((0.15, 0.33))
    assert (second.start, second.end) == pytest.approx((0.73, 0.95))
    assert (first.confidence, second.confidence) == pytest.approx((0.8, 0.34))


def test_apply_without_a_curve_for_the_decoder_keeps_confidences() -> None:
    found = replace(HYPOTHESIS, decoder="beam", language_model="news")
    calibrated = CALIBRATION.apply(found, duration=0.95)
    assert [word.confidence for word in calibrated.words] == [0.9, 0.5]


def test_apply_to_a_hypothesis_without_words_returns_it_unchanged() -> None:
    empty = Hypothesis("", (), 0.0)
    assert CALIBRATION.apply(empty, duration=0.0) == empty


def test_curve_name_depends_on_decoder_and_language_model() -> None:
    names = [("greedy", None), ("beam", None), ("beam", "news"), ("greedy+lm", "news")]
    found = [replace(HYPOTHESIS, decoder=decoder, language_model=lm) for decoder, lm in names]
    assert [curve_name(hypothesis) for hypothesis in found] == [
        "greedy",
        "beam",
        "beam+lm",
        "greedy+lm",
    ]


def test_calibration_file_round_trips(tmp_path: Path) -> None:
    (tmp_path / CALIBRATION_NAME).write_text(json.dumps(calibration_data(CALIBRATION)))
    assert load_calibration([tmp_path / "elsewhere", tmp_path]) == CALIBRATION


def test_file_without_scores_is_one_of_an_older_trainer(tmp_path: Path) -> None:
    data = calibration_data(CALIBRATION)
    del data["scores"]
    (tmp_path / CALIBRATION_NAME).write_text(json.dumps(data))
    assert load_calibration([tmp_path]) == replace(CALIBRATION, scores={})


def test_missing_file_gives_the_general_rule(tmp_path: Path) -> None:
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
        lambda data: data["scores"].update(greedy=float("nan")),
        lambda data: data["scores"].update(greedy="low"),
    ],
)
def test_invalid_file_is_named_in_the_error(tmp_path: Path, change) -> None:
    data = calibration_data(CALIBRATION)
    change(data)
    (tmp_path / CALIBRATION_NAME).write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match=r"calibration\.json.*trainer calibrate"):
        load_calibration([tmp_path])


def test_malformed_json_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / CALIBRATION_NAME).write_text("{")
    with pytest.raises(ConfigurationError, match=r"calibration\.json"):
        load_calibration([tmp_path])
