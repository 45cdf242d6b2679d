"""Cut points of a long alignment: places where the greedy tokens and the transcript agree.

Between such places a long alignment splits into short ones, as in Kürzinger et al. 2020 and in
Moreno et al. 1998, "A recursive algorithm for the forced alignment of very long audio segments".
Runs of tokens that occur once on either side are matched, and the longest chain of matches in
the same order is kept (the "patience" difference of texts).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.chains import longest_chain

_RUN = 12  # tokens that have to agree
_MARGIN = 3  # tokens of them on either side of a cut
_FACTOR = np.uint64(1_000_003)

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GreedyTokens:
    """The tokens of the best path, without the transcript, and their frames.

    All int64 [tokens]; `starts` inclusive, `stops` exclusive.
    """

    tokens: Integers
    starts: Integers
    stops: Integers


def cut_points(
    greedy: GreedyTokens, labels: Integers, word_starts: Integers, *, min_frames: int
) -> list[tuple[int, int]]:
    """Returns where transcript and audio can be cut together.

    Args:
        greedy: the greedy decoder's tokens.
        labels: tokens of the transcript.
        word_starts: the index in `labels` of each word's first token, ascending.
        min_frames: minimum distance between cuts.

    Returns:
        Pairs of (index of a word, frame), both ascending: the word begins at that frame or
        later, and the one before it ends there or earlier.
    """
    left, right = _common_runs(labels, greedy.tokens)
    pairs = longest_chain(zip(left.tolist(), right.tolist(), strict=True))
    word_at = {start: word for word, start in enumerate(word_starts.tolist()) if word}
    cuts: list[tuple[int, int]] = []
    last_frame = 0
    for label, token in pairs:
        for offset in range(_MARGIN, _RUN - _MARGIN + 1):
            word = word_at.get(label + offset)
            if word is None or (cuts and word <= cuts[-1][0]):
                continue
            frame = int(greedy.stops[token + offset - 1] + greedy.starts[token + offset] + 1) // 2
            if frame - last_frame >= min_frames:
                cuts.append((word, frame))
                last_frame = frame
    return cuts


def _common_runs(left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """Returns the starts of the runs of tokens that occur exactly once on both sides."""
    if min(len(left), len(right)) < _RUN:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    left_hashes, left_places = _once(_hashes(left))
    right_hashes, right_places = _once(_hashes(right))
    _, first, second = np.intersect1d(
        left_hashes, right_hashes, assume_unique=True, return_indices=True
    )
    return left_places[first], right_places[second]


def _hashes(tokens: Integers) -> NDArray[np.uint64]:
    values = tokens.astype(np.uint64) + np.uint64(1)
    hashes = np.zeros(len(tokens) - _RUN + 1, dtype=np.uint64)
    for offset in range(_RUN):
        hashes = hashes * _FACTOR + values[offset : offset + len(hashes)]
    return hashes


def _once(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], Integers]:
    values, places, counts = np.unique(hashes, return_index=True, return_counts=True)
    single = counts == 1
    return values[single], places[single]
