"""Forced alignment of tokens and word times, against every path there is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decoding import GreedyDecoder
from app.decoding.alignment import align_tokens, reading_costs, spell, word_times
from app.decoding.calibration import BoundaryRule, place_words
from app.vocabulary import Vocabulary

FRAME = 0.02
BLANK = 0
TOKENS = ("|", "a", "b", "ø", "ch", "[UNK]", "[PAD]")
VOCABULARY = Vocabulary(TOKENS, blank=6, delimiter=0, special=frozenset({5, 6}))


def random_emissions(seed: int, frames: int, width: int, sharpness: float = 2.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(frames, width)) * sharpness
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def collapse(path: tuple[int, ...]) -> list[int]:
    return [token for token, _ in itertools.groupby(path) if token != BLANK]


def best_by_trying_all(emissions: np.ndarray, tokens: list[int]) -> float | None:
    frames, width = emissions.shape
    rows = np.arange(frames)
    scores = [
        float(emissions[rows, path].sum())
        for path in itertools.product(range(width), repeat=frames)
        if collapse(path) == tokens
    ]
    return max(scores, default=None)


def score_of(emissions: np.ndarray, tokens: list[int], starts: np.ndarray, stops: np.ndarray):
    path = np.full(len(emissions), BLANK)
    for token, start, stop in zip(tokens, starts, stops, strict=True):
        path[start:stop] = token
    assert collapse(tuple(path)) == tokens
    return float(emissions[np.arange(len(path)), path].sum())


@given(st.integers(0, 10**6), st.integers(1, 6), st.lists(st.integers(1, 2), max_size=4))
def test_no_other_path_scores_higher(seed: int, frames: int, tokens: list[int]) -> None:
    emissions = random_emissions(seed, frames, 3)
    best = best_by_trying_all(emissions, tokens)
    if best is None:
        with pytest.raises(ValueError, match="cannot be aligned"):
            align_tokens(emissions, tokens, BLANK)
        return
    spans = align_tokens(emissions, tokens, BLANK)
    assert score_of(emissions, tokens, spans.starts, spans.stops) == pytest.approx(best, abs=1e-4)
    for token, start, stop, score in zip(
        tokens, spans.starts, spans.stops, spans.scores, strict=True
    ):
        assert score == emissions[start:stop, token].max()


def test_alignment_of_no_tokens_is_empty() -> None:
    assert len(align_tokens(random_emissions(0, 5, 3), [], BLANK).starts) == 0
    assert len(align_tokens(np.zeros((0, 3), np.float32), [], BLANK).starts) == 0


@pytest.mark.parametrize(
    ("emissions", "tokens", "message"),
    [
        (np.zeros((0, 3), np.float32), [1], "0 frames"),
        (np.zeros(3, np.float32), [1], "two-dimensional"),
        (np.zeros((4, 3), np.float32), [3], "0 to 2"),
        (np.zeros((4, 3), np.float32), [BLANK], "blank"),
        (np.full((4, 3), np.nan, np.float32), [1], "NaN"),
        (np.zeros((2, 3), np.float32), [1, 1], "2 tokens cannot be aligned to 2 frames"),
    ],
)
def test_tokens_that_cannot_be_aligned_are_refused(
    emissions: np.ndarray, tokens: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        align_tokens(emissions, tokens, BLANK)


@given(st.integers(0, 10**6), st.integers(0, 60), st.sampled_from([0.5, 3.0, 20.0]))
def test_words_of_the_best_path_have_its_frames(seed: int, frames: int, sharpness: float) -> None:
    emissions = random_emissions(seed, frames, len(TOKENS), sharpness)
    arguments = {"frame_seconds": FRAME, "duration": frames * FRAME}
    greedy = GreedyDecoder(VOCABULARY).decode(emissions, **arguments).words
    words = word_times(emissions, [word.word for word in greedy], VOCABULARY, **arguments)
    for word, expected in zip(words, greedy, strict=True):
        assert word.word == expected.word
        assert expected.confidence == pytest.approx(word.confidence, abs=1e-5)
        assert (word.start, word.end) == pytest.approx((expected.start, expected.end))


@given(st.integers(0, 10**6), st.integers(8, 30))
def test_costs_of_reading_words_are_those_of_the_frames_they_have(seed: int, frames: int) -> None:
    emissions = random_emissions(seed, frames, len(TOKENS))
    words = ("ab", "øa", "b")
    found = reading_costs(emissions, words, VOCABULARY)
    assert (found.costs >= 0).all()
    timed = word_times(emissions, words, VOCABULARY, frame_seconds=FRAME, duration=frames * FRAME)
    for index, word in enumerate(timed):
        (own,) = np.nonzero(found.words == index)
        assert (own[0] * FRAME, (own[-1] + 1) * FRAME) == pytest.approx((word.start, word.end))
        assert own[-1] - own[0] + 1 == len(own)


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=12),
    st.lists(st.floats(-0.3, 0.3), min_size=8, max_size=8),
    st.floats(0.0, 1.2),
)
def test_times_are_monotone_and_inside_the_audio(
    steps: list[int], reaches: list[float], share: float
) -> None:
    edges = np.cumsum(steps[: len(steps) // 2 * 2])
    duration = share * float(edges[-1]) * FRAME
    lead, tail, first, last = (tuple(reaches[place : place + 2]) for place in range(0, 8, 2))
    letters = [dict(zip("ab", values, strict=True)) for values in (first, last)]
    starts, ends = place_words(
        edges[0::2] * FRAME,
        edges[1::2] * FRAME,
        ["ab"[place % 2] for place in range(len(edges) // 2)],
        duration=duration,
        rule=BoundaryRule((0.0, 0.1), lead, tail, *letters),
    )
    times = np.stack((starts, ends), axis=1).ravel()
    assert (np.diff(times) >= 0).all()
    assert times[0] >= 0
    assert times[-1] <= duration


def test_words_extend_into_pauses_and_meet_where_there_is_none() -> None:
    starts, ends = place_words(
        np.array([10, 14, 50]) * FRAME,
        np.array([12, 20, 60]) * FRAME,
        ["a", "b", "a"],
        duration=2.0,
        rule=BoundaryRule((0.0,), (0.04,), (0.06,)),
    )
    assert starts == pytest.approx([0.16, 0.27, 0.96])
    assert ends == pytest.approx([0.27, 0.46, 1.26])


def test_reach_depends_on_the_gap_and_on_the_letter() -> None:
    starts, ends = place_words(
        np.array([10, 15, 50]) * FRAME,
        np.array([12, 20, 60]) * FRAME,
        ["ab", "bb", "ba"],
        duration=2.0,
        rule=BoundaryRule(
            (0.0, 0.12), (0.0, 0.04), (0.0, 0.0), letter_leads={"b": 0.01}, letter_tails={"a": 0.02}
        ),
    )
    assert starts == pytest.approx([0.16, 0.27, 0.95])
    assert ends == pytest.approx([0.24, 0.4, 1.22])


@pytest.mark.parametrize(
    "fields", [((), (), ()), ((0.0, 0.0), (0, 0), (0, 0)), ((0.0,), (math.nan,), (0.0,))]
)
def test_rule_with_invalid_values_is_refused(fields: tuple) -> None:
    with pytest.raises(ValueError, match="boundary rule"):
        BoundaryRule(*fields)


def test_alignment_of_many_frames_equals_one_of_few() -> None:
    """Above a size rows are computed twice; the path must not change there."""
    rng = np.random.default_rng(1)
    tokens = rng.integers(1, 8, size=4000)
    path = np.repeat(tokens, 2)
    path[1::2] = BLANK
    path = np.concatenate([path, np.zeros(2000, np.int64)])
    emissions = np.full((len(path), 8), math.log(0.01), np.float32)
    emissions[np.arange(len(path)), path] = math.log(0.93)
    spans = align_tokens(emissions, tokens.tolist(), BLANK)
    assert spans.starts.tolist() == list(range(0, 8000, 2))
    assert spans.stops.tolist() == list(range(1, 8001, 2))


def test_word_that_the_vocabulary_cannot_spell_is_refused() -> None:
    with pytest.raises(ValueError, match="'x' of 'ax'"):
        word_times(
            random_emissions(0, 9, len(TOKENS)),
            ["ax"],
            VOCABULARY,
            frame_seconds=FRAME,
            duration=1.0,
        )


def test_empty_word_is_refused() -> None:
    with pytest.raises(ValueError, match="a word is empty"):
        spell("", {"a": 1})


@pytest.mark.parametrize("width", [len(TOKENS) - 1, len(TOKENS) + 1])
def test_emissions_of_another_vocabulary_are_refused(width: int) -> None:
    emissions = random_emissions(0, 20, width)
    with pytest.raises(ValueError, match=f"must be .frames, {len(TOKENS)}."):
        word_times(emissions, ["a"], VOCABULARY, frame_seconds=FRAME, duration=1.0)
