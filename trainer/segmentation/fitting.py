"""Finds the words of a text whose letters are closest to what was read.

Edit distance with a free start and end in the text (Sellers 1980, "The theory and computation of
evolutionary distances: pattern recognition"), both at the edge of a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Letters = NDArray[np.uint32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fit:
    """The words from `first` up to `past`, and the letters to change between them and the read."""

    first: int
    past: int
    distance: int


def fit(read: str, words: Sequence[str]) -> Fit:
    """Returns the words that are closest to what was read; none where none has anything of it."""
    target = _letters("".join(words))
    edges = np.concatenate(([0], np.cumsum([len(word) for word in words], dtype=np.int64)))
    letters = _letters(read)
    distances = _distances(letters, target, edges)[edges]
    past = int(np.argmin(distances))
    reach = int(edges[past])
    # Backwards from the end that was found, the start is found in the same manner.
    backwards = _distances(letters[::-1], target[:reach][::-1], np.zeros(1, np.int64))
    first_edges = edges[: past + 1]
    first = past - int(np.argmin(backwards[reach - first_edges][::-1]))
    return Fit(first, past, int(distances[past]))


def _distances(letters: Letters, target: Letters, starts: Integers) -> Integers:
    """Returns, for each end in the target, the least distance of the part from one of `starts`."""
    places = np.arange(len(target) + 1)
    row: Integers = np.full(len(places), len(letters) + len(target))
    row[starts] = 0
    row = np.minimum.accumulate(row - places) + places
    for letter in letters:
        moved = np.minimum(row[:-1] + (target != letter), row[1:] + 1)
        best = np.concatenate(([row[0] + 1], moved))
        row = np.minimum.accumulate(best - places) + places
    return row


def _letters(text: str) -> Letters:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
