"""Divides recordings into train, valid and test, so that none is in two of them."""

import hashlib
from collections.abc import Mapping

_SHARE = 0.1
_MIN_RECORDINGS = 3


def split_recordings(seconds: Mapping[str, float]) -> dict[str, str]:
    """Returns the split of each recording.

    About a tenth of the speech each is for valid and for test, chosen by a hash of the name; the
    longest recording is always trained on. Fewer than three recordings are all trained on.

    Args:
        seconds: of the speech that was kept, by recording.
    """
    splits = dict.fromkeys(seconds, "train")
    if len(seconds) < _MIN_RECORDINGS:
        return splits
    longest = max(seconds, key=lambda name: (seconds[name], name))
    order = sorted(seconds.keys() - {longest}, key=_hash)
    most = _SHARE * sum(seconds.values())
    for split in ("test", "valid"):
        taken = 0.0
        for name in order:
            if splits[name] != "train":
                continue
            if not taken or taken + seconds[name] <= most:
                splits[name] = split
                taken += seconds[name]
    return splits


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
