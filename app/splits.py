"""Divides speech into train, valid and test by groups, so that no group is in two of them.

A group is all speech of a speaker, of a recording, or of a folder of recordings.
"""

import hashlib
from collections.abc import Collection, Mapping

SPLITS = ("train", "valid", "test")

_SHARE = 0.1
_MAX_SECONDS = 3600.0
# A group may take a split above its share by so much.
_OVERSHOOT = 1.5


def assign_splits(
    seconds: Mapping[str, float],
    *,
    there: Mapping[str, float] | None = None,
    fill: Collection[str] = ("valid", "test"),
) -> dict[str, str]:
    """Returns the split of each group.

    Each split of `fill` gets about a tenth of the speech, at most an hour: groups in an order that
    has nothing to do with their names and is the same each time, or the shortest one where all are
    too long. Of two groups one is in train and one in the first of `fill`; one is in train.

    Args:
        seconds: of speech, by group.
        there: seconds that splits have already; they count, and `seconds` does not have them.
        fill: the splits that get groups besides train.
    """
    there = there or {}
    target = min(_SHARE * (sum(seconds.values()) + sum(there.values())), _MAX_SECONDS)
    assigned = dict.fromkeys(seconds, "train")
    free = sorted((group for group in seconds if seconds[group]), key=_digest)
    empty = [split for split in ("train", *fill) if not there.get(split)]
    for split in fill:
        taken = there.get(split, 0.0)
        empty = [other for other in empty if other != split]
        most = len(free) - len(empty)
        if not taken:
            most = max(most, min(1, len(free) - ("train" in empty)))
        chosen: list[str] = []
        for group in free:
            if len(chosen) >= most or taken >= target:
                break
            if taken + seconds[group] <= _OVERSHOOT * target:
                chosen.append(group)
                taken += seconds[group]
        if not taken and most > 0:
            chosen.append(min(free, key=lambda group: seconds[group]))
        assigned |= dict.fromkeys(chosen, split)
        free = [group for group in free if group not in chosen]
    return assigned


def _digest(group: str) -> bytes:
    return hashlib.blake2b(group.encode(), digest_size=8).digest()
