"""Cut points of long alignments: where greedy tokens and transcript agree."""

import numpy as np
import pytest

from app.decoding.align.anchors import GreedyTokens, cut_points

WORD = 4
RUN, MARGIN = 12, 3


def greedy(tokens: np.ndarray, step: int = 5) -> GreedyTokens:
    """A token every `step` frames, each two frames long."""
    starts = np.arange(len(tokens)) * step
    return GreedyTokens(tokens, starts, starts + 2)


def words_of(tokens: np.ndarray) -> np.ndarray:
    return np.arange(0, len(tokens), WORD)


@pytest.fixture
def tokens() -> np.ndarray:
    """40 words of 4 tokens without a repeated run."""
    return np.random.default_rng(5).integers(1, 30, 160)


def test_same_tokens_are_cut_at_word_starts_between_two_tokens(tokens: np.ndarray) -> None:
    cuts = cut_points(greedy(tokens), tokens, words_of(tokens), min_frames=1)
    # The first and the last three tokens of a run are its margins.
    assert [word for word, _ in cuts] == list(range(1, 40))
    # The middle between the end of the last token before and the start of the first.
    assert [frame for _, frame in cuts] == [(5 * WORD * word - 3 + 5 * WORD * word + 1) // 2
                                            for word in range(1, 40)]  # fmt: skip


@pytest.mark.parametrize("min_frames", [20, 21, 100])
def test_cuts_are_at_least_the_minimum_distance_apart(tokens: np.ndarray, min_frames: int) -> None:
    cuts = cut_points(greedy(tokens), tokens, words_of(tokens), min_frames=min_frames)
    frames = [0, *(frame for _, frame in cuts)]
    assert len(cuts) > 5
    assert np.diff(frames).min() >= min_frames
    # No cut is missed: the next one is the first word that is far enough.
    assert np.diff(frames[1:]).max() < min_frames + 5 * WORD


@pytest.mark.parametrize("length", [0, 1, RUN - 1])
def test_fewer_tokens_than_a_run_have_no_cut(tokens: np.ndarray, length: int) -> None:
    short = tokens[:length]
    assert cut_points(greedy(short), short, words_of(short), min_frames=1) == []
    assert cut_points(greedy(short), tokens, words_of(tokens), min_frames=1) == []
    assert cut_points(greedy(tokens), short, words_of(short), min_frames=1) == []


def test_single_run_is_cut_within_its_margins(tokens: np.ndarray) -> None:
    run = tokens[:RUN]
    starts = np.arange(RUN)  # a word of each token
    cuts = cut_points(greedy(run), run, starts, min_frames=1)
    assert [word for word, _ in cuts] == list(range(MARGIN, RUN - MARGIN + 1))


def test_run_of_other_tokens_is_not_cut(tokens: np.ndarray) -> None:
    decoded = tokens.copy()
    decoded[60:100] = 50  # words 15 to 24 are something else
    cuts = cut_points(greedy(decoded), tokens, words_of(tokens), min_frames=1)
    cut_words = [word for word, _ in cuts]
    assert cut_words == [*range(1, 15), *range(26, 40)]


def test_inserted_speech_shifts_the_frames_after_it(tokens: np.ndarray) -> None:
    decoded = np.concatenate((tokens[:80], np.full(30, 50), tokens[80:]))
    cuts = dict(cut_points(greedy(decoded), tokens, words_of(tokens), min_frames=1))
    assert cuts[5] == (2 * 5 * WORD * 5 - 2) // 2
    assert cuts[30] == (2 * 5 * (WORD * 30 + 30) - 2) // 2


def test_repeated_runs_are_no_anchors(tokens: np.ndarray) -> None:
    twice = np.concatenate((tokens[:40], tokens[:40]))
    # Only runs across the join occur once.
    cuts = cut_points(greedy(twice), twice, words_of(twice), min_frames=1)
    assert {word for word, _ in cuts} <= set(range(8, 13))
    assert cuts


def test_passages_in_another_order_keep_one_ascending_chain(tokens: np.ndarray) -> None:
    swapped = np.concatenate((tokens[100:], tokens[:100]))
    cuts = cut_points(greedy(swapped), tokens, words_of(tokens), min_frames=1)
    # The longer passage, the first 25 words, is kept; it starts at token 60 of the audio.
    assert [word for word, _ in cuts] == list(range(1, 25))
    assert [frame for _, frame in cuts] == [5 * (60 + WORD * word) - 1 for word in range(1, 25)]
