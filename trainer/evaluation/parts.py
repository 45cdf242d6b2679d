"""Divides the utterances of a test set into parts: by name, and by length."""

from collections.abc import Sequence
from itertools import pairwise

_LENGTHS = (0.0, 2.0, 5.0, 10.0, 20.0, float("inf"))
"""Seconds at which one length ends and the next begins."""

Parts = dict[str, list[int]]
"""The places of the utterances of each part, by its name."""


def divide(names: Sequence[Sequence[str]]) -> Parts:
    """Returns the parts in the order in which they come up; an utterance may be in several.

    Args:
        names: the parts of each utterance.
    """
    parts: Parts = {}
    for index, own in enumerate(names):
        for name in own:
            parts.setdefault(name, []).append(index)
    return parts


def divide_by_name(names: Sequence[str]) -> Parts:
    """Returns the parts, utterances without a name as `unknown`; empty where none has a name."""
    return divide([(name or "unknown",) for name in names]) if any(names) else {}


def divide_by_length(seconds: Sequence[float]) -> Parts:
    """Returns the parts by the length of the audio, short ones first."""
    found = divide([(_length(item),) for item in seconds])
    names = [_length_name(low, high) for low, high in pairwise(_LENGTHS)]
    return {name: found[name] for name in names if name in found}


def _length(seconds: float) -> str:
    return next(
        _length_name(low, high) for low, high in pairwise(_LENGTHS) if low <= seconds < high
    )


def _length_name(low: float, high: float) -> str:
    if low == 0:
        return f"under {high:.0f} s"
    return f"over {low:.0f} s" if high == float("inf") else f"{low:.0f} to {high:.0f} s"
