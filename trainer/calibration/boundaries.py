"""Fits the rule that turns the frames of a word into its boundaries, from known word times."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.decoding.alignment import word_times
from app.decoding.calibration import BoundaryRule, place_words
from app.vocabulary import Vocabulary

_KNOTS = (1, 2, 4, 8, 16, 32)  # frames between two words
_LETTER_RIDGE = 5.0  # a letter's own reach counts once it has been seen more often than this
_KNOT_RIDGE = 0.1
_ROUNDS = 40
_FINEST = 0.1  # frames; residuals below it weigh alike

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Timed:
    """One utterance: its words, when they are emitted, and when they are spoken, in seconds."""

    words: tuple[str, ...]
    first: Numbers
    past: Numbers
    starts: Numbers
    ends: Numbers
    duration: float


def emitted_words(
    emissions: NDArray[np.float32],
    text: str,
    starts: Sequence[float],
    ends: Sequence[float],
    vocabulary: Vocabulary,
    *,
    frame_seconds: float,
    duration: float,
) -> Timed | None:
    """Finds the frames of known words; None where they do not fit into the audio."""
    words = tuple(text.split())
    if len(words) != len(starts) or len(words) != len(ends):
        return None
    try:
        found = word_times(
            emissions, words, vocabulary, frame_seconds=frame_seconds, duration=duration
        )
    except ValueError:
        return None
    return Timed(
        words,
        np.array([word.start for word in found]),
        np.array([word.end for word in found]),
        np.array(starts),
        np.array(ends),
        duration,
    )


def fit_rule(utterances: Sequence[Timed], *, frame_seconds: float) -> BoundaryRule:
    """Fits leads and tails by least absolute errors, as boundaries that are far off must not pull.

    Args:
        utterances: with at least one word among them.
        frame_seconds: length of one frame in seconds.
    """
    far = float(_KNOTS[-1])
    gaps = [(item.first[1:] - item.past[:-1]) / frame_seconds for item in utterances]
    before = np.concatenate([np.append(far, gap) for gap in gaps])
    after = np.concatenate([np.append(gap, far) for gap in gaps])
    lead = np.concatenate([item.first - item.starts for item in utterances]) / frame_seconds
    tail = np.concatenate([item.ends - item.past for item in utterances]) / frame_seconds
    words = [word for item in utterances for word in item.words]
    leads, letter_leads = _fit(before, [word[0] for word in words], lead)
    tails, letter_tails = _fit(after, [word[-1] for word in words], tail)

    def seconds(frames: float) -> float:
        return round(frames * frame_seconds, 5)

    return BoundaryRule(
        gaps=tuple(seconds(knot) for knot in _KNOTS),
        leads=tuple(map(seconds, leads)),
        tails=tuple(map(seconds, tails)),
        letter_leads={letter: seconds(value) for letter, value in letter_leads.items()},
        letter_tails={letter: seconds(value) for letter, value in letter_tails.items()},
    )


def boundary_errors(utterances: Sequence[Timed], rule: BoundaryRule) -> tuple[Numbers, Numbers]:
    """Returns how far starts and ends are off by a rule, in seconds, never below 0."""
    starts, ends = [], []
    for item in utterances:
        begin, end = place_words(
            item.first, item.past, item.words, duration=item.duration, rule=rule
        )
        starts.append(np.abs(begin - item.starts))
        ends.append(np.abs(end - item.ends))
    return np.concatenate(starts), np.concatenate(ends)


def _fit(
    gaps: Numbers, letters: Sequence[str], required: Numbers
) -> tuple[list[float], dict[str, float]]:
    """Iteratively reweighted least squares for absolute errors; letters are held near 0."""
    known = sorted(set(letters))
    basis = np.stack([np.interp(gaps, _KNOTS, row) for row in np.eye(len(_KNOTS))], axis=1)
    is_letter = np.array([[letter == one for one in known] for letter in letters], dtype=np.float64)
    inputs = np.concatenate((basis, is_letter), axis=1)
    ridge = np.diag([_KNOT_RIDGE] * len(_KNOTS) + [_LETTER_RIDGE] * len(known))
    weights = np.ones(len(required))
    found = np.zeros(inputs.shape[1])
    for _ in range(_ROUNDS):
        weighted = inputs * weights[:, None]
        solved = np.linalg.solve(weighted.T @ inputs + ridge, weighted.T @ required)
        found = solved.astype(np.float64)
        weights = 1 / np.maximum(np.abs(required - inputs @ found), _FINEST)
    return found[: len(_KNOTS)].tolist(), dict(
        zip(known, found[len(_KNOTS) :].tolist(), strict=True)
    )
