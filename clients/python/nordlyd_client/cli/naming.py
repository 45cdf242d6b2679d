"""Chooses the place of each recording's texts below an output folder; no two share one."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path, PurePath

from nordlyd_client.cli.backends import Input

# `failed.txt` is the list of failures.
_RESERVED = frozenset({"failed"})
# Of a format, unlike that of "Opptak 12.30" or of "Møte 3. mai".
_ENDING = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,5}")


def place_outputs(inputs: Sequence[Input], taken: Mapping[str, str]) -> dict[Path, str]:
    """Chooses where the texts of each recording go, without the ending of a format.

    Folders are mirrored: `a/x.wav` and `b/x.wav` become `a/x` and `b/x`. Where two recordings
    differ only by their endings, these stay: `x.wav` and `x.mp3`. The choices of an earlier
    run are kept.

    Args:
        inputs: the recordings.
        taken: places of an earlier run, relative to the folder, by the paths of its recordings.

    Returns:
        Places relative to the folder, with slashes, by the recordings' paths.
    """
    roots = {item.root for item in inputs if item.root.is_absolute()}
    base = Path(os.path.commonpath(roots)) if roots else Path()
    relative = {item.path: _relative(item.path, base) for item in inputs}
    short = {path: _without_ending(place).as_posix() for path, place in relative.items()}
    demand = Counter(_folded(place) for place in short.values())
    used = {_folded(place) for place in taken.values()} | _RESERVED
    places: dict[Path, str] = {}
    for path, place in relative.items():
        given = taken.get(str(path))
        if given is None:
            alone = demand[_folded(short[path])] == 1
            given = _free(short[path] if alone else place.as_posix(), place.as_posix(), used)
            used.add(_folded(given))
        places[path] = given
    return places


def _relative(path: Path, base: Path) -> PurePath:
    return path.relative_to(base) if path.is_relative_to(base) else PurePath(path.name)


def _without_ending(place: PurePath) -> PurePath:
    return place.with_suffix("") if _ENDING.fullmatch(place.suffix) else place


def _free(preferred: str, full: str, used: set[str]) -> str:
    if _folded(preferred) not in used:
        return preferred
    if _folded(full) not in used:
        return full
    return next(name for number in count(2) if _folded(name := f"{full}-{number}") not in used)


def _folded(place: str) -> str:
    """Returns the same for names that a case-insensitive file system does not distinguish."""
    return place.casefold()
