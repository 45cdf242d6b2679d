"""A long reading and a long transcript in, places where both say the same out.

Between such places a long alignment falls into short ones, as in Kürzinger et al. 2020 and in
Moreno et al. 1998, "A recursive algorithm for the forced alignment of very long audio segments".
Runs of tokens that occur once on either side are matched, and the longest chain of matches in
the same order is kept (the "patience" difference of texts).
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RUN = 12  # tokens that have to agree
_MARGIN = 3  # tokens of them on either side of a cut
_FACTOR = np.uint64(1_000_003)

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reading:
    """Tokens read off the emissions without knowing the transcript, and their frames.

    All int64 [tokens]; `starts` inclusive, `stops` exclusive.
    """

    tokens: Integers
    starts: Integers
    stops: Integers


def cut_points(
    reading: Reading, labels: Integers, word_starts: Integers, *, least_frames: int
) -> list[tuple[int, int]]:
    """Return where transcript and audio may be cut alike.

    Args:
        reading: what a greedy decoder heard.
        labels: tokens of the transcript.
        word_starts: the index in `labels` of each word's first token, ascending.
        least_frames: how far apart cuts are at least.

    Returns:
        Pairs of (index of a word, frame), both ascending: the word begins at that frame or
        later, and the one before it ends there or earlier.
    """
    pairs = _chain(*_common_runs(labels, reading.tokens))
    word_at = {start: word for word, start in enumerate(word_starts.tolist()) if word}
    cuts: list[tuple[int, int]] = []
    last_frame = 0
    for label, token in pairs:
        for offset in range(_MARGIN, _RUN - _MARGIN + 1):
            word = word_at.get(label + offset)
            if word is None or (cuts and word <= cuts[-1][0]):
                continue
            frame = int(reading.stops[token + offset - 1] + reading.starts[token + offset] + 1) // 2
            if frame - last_frame >= least_frames:
                cuts.append((word, frame))
                last_frame = frame
    return cuts


def _common_runs(left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """Where each run of tokens starts that occurs exactly once on both sides."""
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


def _chain(left: Integers, right: Integers) -> list[tuple[int, int]]:
    """The longest chain of pairs that ascends on both sides (Fredman 1975)."""
    order = np.argsort(left)
    pairs = list(zip(left[order].tolist(), right[order].tolist(), strict=True))
    ends: list[int] = []
    holders: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(holders[length - 1] if length else -1)
        if length == len(ends):
            ends.append(place)
            holders.append(index)
        else:
            ends[length], holders[length] = place, index
    chain: list[tuple[int, int]] = []
    index = holders[-1] if holders else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]
