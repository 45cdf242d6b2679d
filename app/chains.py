"""The longest ascending chain of pairs, which joins the anchors of two sequences."""

from bisect import bisect_left
from collections.abc import Iterable


def longest_chain(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the longest chain of pairs that ascends on both sides (Fredman 1975).

    Args:
        pairs: no two with the same first or the same second number.
    """
    ordered = sorted(pairs)
    # The smallest second number in which a chain of each length ends, and the pair it is of.
    ends: list[int] = []
    holders: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(ordered):
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
        chain.append(ordered[index])
        index = before[index]
    return chain[::-1]
