"""Viterbi alignment of given tokens: the frames of every token and the times of every word.

After Graves et al. 2006 and, for long audio, Kürzinger et
al. 2020, "CTC-Segmentation of Large Corpora for German End-to-End Speech Recognition".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.contract.answers import Word
from app.decoding.align.anchors import GreedyTokens
from app.decoding.align.trellis import Indexes, Trellis
from app.decoding.align.viterbi import best_path
from app.decoding.calibration import FRAMES_ONLY, BoundaryRule, place_words
from app.decoding.types import Emissions, check_emissions
from app.vocabulary import Vocabulary, spellings

_MIN_SCORE = -1e4
_NO_JUMPS = np.zeros(0, dtype=np.int32)
_NO_SCORES = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Spans:
    """The frames of each token: `starts` inclusive, `stops` exclusive, int64 [tokens].

    `scores` is the highest log-probability that the token reaches within its frames,
    float64 [tokens].
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    scores: NDArray[np.float64]


def align_tokens(emissions: Emissions, tokens: Sequence[int], blank: int) -> Spans:
    """Returns the frames of each token on the most probable path that spells exactly `tokens`.

    Args:
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        tokens: indexes into the vocabulary, in order, none of them the blank.
        blank: index of the blank.

    Raises:
        ValueError: wrong shape, a value that is no number, a token outside the vocabulary, or
            more tokens than the frames can hold.
    """
    if emissions.ndim != 2:  # noqa: PLR2004
        raise ValueError(f"emissions have shape {list(emissions.shape)}, must be two-dimensional")
    labels = np.asarray(tokens, dtype=np.int32).reshape(-1)
    width = emissions.shape[1]
    if len(labels) and (labels.min() < 0 or labels.max() >= width):
        raise ValueError(f"tokens must be 0 to {width - 1}")
    if blank in labels:
        raise ValueError(f"tokens hold the blank, {blank}")
    return _align(emissions, labels, np.full(len(labels) + 1, blank, dtype=np.int32))


def word_times(
    emissions: Emissions,
    words: Sequence[str],
    vocabulary: Vocabulary,
    *,
    frame_seconds: float,
    duration: float,
    rule: BoundaryRule = FRAMES_ONLY,
) -> tuple[Word, ...]:
    """Returns the times of words that were decoded from these emissions.

    Args:
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        words: in order, spelled with tokens of the vocabulary.
        vocabulary: tokens of the checkpoint.
        frame_seconds: length of one frame in seconds.
        duration: length of the audio in seconds; no word ends after it.
        rule: how far words reach beyond their frames.

    Returns:
        The words with times that do not overlap, and with the geometric mean of their
        characters' highest probabilities as confidence.

    Raises:
        ValueError: as `align_tokens`, or a word that the vocabulary cannot spell.
    """
    check_emissions(emissions, len(vocabulary), frame_seconds=frame_seconds, duration=duration)
    if not words:
        return ()
    labels, gaps, counts = _states(words, vocabulary)
    lasts = np.cumsum(counts)
    firsts = lasts - counts
    spans = _align(with_gaps(emissions, vocabulary), labels, gaps)
    means = np.add.reduceat(spans.scores, firsts) / counts
    starts, ends = place_words(
        spans.starts[firsts] * np.float64(frame_seconds),
        spans.stops[lasts - 1] * np.float64(frame_seconds),
        words,
        duration=duration,
        rule=rule,
    )
    return tuple(
        Word(word, start, end, confidence)
        for word, start, end, confidence in zip(
            words,
            starts.tolist(),
            ends.tolist(),
            np.exp(np.minimum(means, 0.0)).tolist(),
            strict=True,
        )
    )


@dataclass(frozen=True, slots=True)
class ReadingCosts:
    """What the best path that spells some words costs, frame by frame.

    Attributes:
        costs: how far it is below the best path, natural-log, at least 0; float32 [frames].
        words: index of the word that it is in, -1 between words; int64 [frames].
    """

    costs: NDArray[np.float32]
    words: NDArray[np.int64]


def reading_costs(
    emissions: Emissions, words: Sequence[str], vocabulary: Vocabulary
) -> ReadingCosts:
    """Returns how far below the best path each frame is on the best path that spells the words.

    Args:
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        words: in order, at least one, spelled with tokens of the vocabulary.
        vocabulary: tokens of the checkpoint.

    Raises:
        ValueError: as `word_times`.
    """
    labels, gaps, counts = _states(words, vocabulary)
    trellis = _trellis(with_gaps(emissions, vocabulary), labels, gaps)
    path = best_path(trellis)
    owners = np.full(2 * len(labels) + 1, -1, dtype=np.int64)
    owners[1::2] = np.repeat(np.arange(len(words)), counts)
    within = np.flatnonzero(gaps[:-1] == len(vocabulary))
    owners[2 * within] = owners[2 * within + 1]
    return ReadingCosts(-trellis.path_scores(path), owners[path])


def _states(
    words: Sequence[str], vocabulary: Vocabulary
) -> tuple[Indexes, Indexes, NDArray[np.int64]]:
    """Returns the tokens of words, the gaps around them, and how many tokens each word has."""
    spelling = spellings(vocabulary)
    spelled = [np.asarray(spell(word, spelling), dtype=np.int32) for word in words]
    counts = np.array([len(tokens) for tokens in spelled], dtype=np.int64)
    inside, outside = len(vocabulary), len(vocabulary) + 1
    gaps = np.full(counts.sum() + 1, inside, dtype=np.int32)
    gaps[np.cumsum(counts) - counts] = gaps[-1] = outside
    return np.concatenate(spelled), gaps, counts


def spell(word: str, spelling: Mapping[str, int]) -> list[int]:
    """Returns the tokens of a word, at each place the longest of `spelling` that fits.

    Raises:
        ValueError: no token fits, or the word is empty.
    """
    if not word:
        raise ValueError("a word is empty")
    longest = max(map(len, spelling), default=0)
    tokens: list[int] = []
    place = 0
    while place < len(word):
        piece = next(
            (
                word[place : place + length]
                for length in range(longest, 0, -1)
                if word[place : place + length] in spelling
            ),
            None,
        )
        if piece is None:
            raise ValueError(f"the vocabulary cannot spell {word[place]!r} of {word!r}")
        tokens.append(spelling[piece])
        place += len(piece)
    return tokens


def greedy_tokens(emissions: Emissions, vocabulary: Vocabulary) -> GreedyTokens:
    """Returns the characters of the best path, with their frames."""
    path = emissions.argmax(axis=1)
    starts = np.flatnonzero(np.concatenate(([True], path[1:] != path[:-1])))
    stops = np.append(starts[1:], len(path))
    kept = np.isin(path[starts], list(spellings(vocabulary).values()))
    return GreedyTokens(path[starts][kept].astype(np.int64), starts[kept], stops[kept])


def with_gaps(emissions: Emissions, vocabulary: Vocabulary) -> NDArray[np.float32]:
    """Appends two columns: the gap between characters, and the gap between words.

    The first is the best of the blank and the special tokens, which never become text; the second
    also of every delimiter.
    """
    no_text = sorted(vocabulary.special | {vocabulary.blank})
    delimiters = [
        number
        for number, token in enumerate(vocabulary.tokens)
        if number == vocabulary.delimiter or token.isspace()
    ]
    within = emissions[:, no_text].max(axis=1, keepdims=True)
    between = emissions[:, [*no_text, *delimiters]].max(axis=1, keepdims=True)
    return np.concatenate((emissions, within, between), axis=1, dtype=np.float32)


def _align(emissions: NDArray[np.float32], labels: Indexes, gaps: Indexes) -> Spans:
    return token_spans(best_path(_trellis(emissions, labels, gaps)), emissions, labels)


def _trellis(emissions: NDArray[np.float32], labels: Indexes, gaps: Indexes) -> Trellis:
    return Trellis(
        scores=relative_scores(emissions),
        labels=labels,
        gaps=gaps,
        adjoining=np.diff(labels, prepend=labels[:1]) != 0,
        jump_gaps=_NO_JUMPS,
        jump_scores=_NO_SCORES,
    )


def relative_scores(emissions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns scores relative to the best of each frame, whose sums over an hour stay exact.

    Raises:
        ValueError: a value that is no number, or a frame with no probability.
    """
    best = emissions.max(axis=1, keepdims=True) if emissions.size else emissions[:, :1]
    if not np.isfinite(best).all():
        raise ValueError("emissions must be log-probabilities; a frame holds NaN or infinity")
    return np.maximum(emissions - best, _MIN_SCORE, dtype=np.float32)


def token_spans(path: Indexes, emissions: NDArray[np.float32], labels: Indexes) -> Spans:
    """Returns each token's frames on a path; an omitted token has an empty span."""
    states = np.arange(len(labels)) * 2 + 1
    starts = np.searchsorted(path, states, side="left")
    stops = np.searchsorted(path, states, side="right")
    scores = np.full(len(labels), -np.inf)
    inside = np.flatnonzero(path % 2)
    np.maximum.at(scores, path[inside] // 2, emissions[inside, labels[path[inside] // 2]])
    return Spans(starts, stops, scores)
