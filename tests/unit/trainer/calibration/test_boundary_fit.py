"""The rule from frames to boundaries is found again from words whose times it made."""

import numpy as np
import pytest

from app.decoding.calibration import FRAMES_ONLY
from trainer.calibration.boundaries import Timed, boundary_errors, fit_rule

FRAME = 0.02
LEADS, TAILS = {"a": 0.0, "b": 0.02}, {"x": 0.01, "y": 0.03}


def utterances(count: int, *, seed: int) -> list[Timed]:
    """Words reach a fixed way beyond their frames, by their letters; some times are all wrong."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        size = int(rng.integers(2, 9))
        words = tuple(rng.choice(["ax", "bx", "ay", "by"], size=size).tolist())
        lengths, gaps = rng.integers(2, 9, size) * FRAME, rng.integers(4, 40, size) * FRAME
        past = np.cumsum(lengths + gaps)
        first = past - lengths
        starts = first - 0.01 - np.array([LEADS[word[0]] for word in words])
        ends = past + 0.02 + np.array([TAILS[word[-1]] for word in words])
        if rng.random() < 0.05:
            ends = ends + 1.0
        made.append(Timed(words, first, past, starts, ends, float(past[-1]) + 1.0))
    return made


def test_boundary_fit_recovers_rule_despite_outliers() -> None:
    rule = fit_rule(utterances(300, seed=1), frame_seconds=FRAME)
    held_out = utterances(100, seed=2)
    for off in boundary_errors(held_out, rule):
        assert np.median(off) < 0.002
    for off in boundary_errors(held_out, FRAMES_ONLY):
        assert np.median(off) >= 0.01
    assert rule.letter_leads["b"] - rule.letter_leads["a"] == pytest.approx(0.02, abs=0.002)
    assert rule.letter_tails["y"] - rule.letter_tails["x"] == pytest.approx(0.02, abs=0.002)
