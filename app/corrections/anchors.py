"""Compares two long sequences of words, in time that hardly grows with their length.

Runs of three words that occur once in both are anchors, of which the longest increasing sequence is
kept (the patience diff of Bram Cohen). What is between two anchors is short, and is compared by
`difflib.SequenceMatcher`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

from app.chains import longest_chain

Block: TypeAlias = tuple[bool, int, int, int, int]
"""Whether words are equal; the first and one past the last of them, in each of the sequences."""

_RUN = 3
# More pairs than this are not compared: the words then stand in place of the others.
_MAX_PAIRS = 250_000


def compare(before: Sequence[str], after: Sequence[str]) -> list[Block]:
    """Returns the blocks that two sequences consist of, in order; none is empty in both.

    Args:
        before: words.
        after: words.
    """
    blocks: list[Block] = []
    first = begin = 0
    for place, other in [*_anchors(before, after), (len(before), len(after))]:
        # Anchors may overlap, and matching words before them may be part of another block.
        if place < first or other < begin:
            continue
        blocks += _compare_gap(before, after, (first, place), (begin, other))
        first, begin = place, other
        while first < len(before) and begin < len(after) and before[first] == after[begin]:
            first, begin = first + 1, begin + 1
        if first > place:
            blocks.append((True, place, first, other, begin))
    return blocks


def _compare_gap(
    before: Sequence[str], after: Sequence[str], gap: tuple[int, int], other: tuple[int, int]
) -> Iterator[Block]:
    (first, stop), (begin, end) = gap, other
    if first == stop and begin == end:
        return
    if (stop - first) * (end - begin) > _MAX_PAIRS:
        yield False, first, stop, begin, end
        return
    matcher = SequenceMatcher(None, before[first:stop], after[begin:end], autojunk=False)
    for kind, low, high, other_low, other_high in matcher.get_opcodes():
        yield kind == "equal", first + low, first + high, begin + other_low, begin + other_high


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Returns where runs begin that occur once in both, both places increasing."""
    places = _unique_runs(after)
    found = _unique_runs(before).items()
    return longest_chain((place, places[run]) for run, place in found if run in places)


def _unique_runs(words: Sequence[str]) -> dict[tuple[str, ...], int]:
    runs = [tuple(words[place : place + _RUN]) for place in range(len(words) - _RUN + 1)]
    counts = Counter(runs)
    return {run: place for place, run in enumerate(runs) if counts[run] == 1}
