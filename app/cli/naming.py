"""Recordings in, the places of their transcripts below an output folder out; no two share one."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path, PurePath

from app.cli.inputs import Input

# `failed.txt` is the list of failures.
_RESERVED = frozenset({"failed"})
# Of a format, unlike that of "Opptak 12.30" or of "Møte 3. mai".
_ENDING = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,5}")


def place_outputs(inputs: Sequence[Input], taken: Mapping[str, str]) -> dict[Path, str]:
    """Say where the transcript of each recording goes, without the ending of its format.

    Folders are mirrored: `a/x.wav` and `b/x.wav` become `a/x` and `b/x`. Where two recordings
    differ only by their endings, these stay: `x.wav` and `x.mp3`. What an earlier run decided
    stays as it is.

    Args:
        inputs: the recordings.
        taken: places of an earlier run, relative to the folder, by the paths of its recordings.

    Returns:
        Places relative to the folder, with slashes, by the recordings' paths.
    """
    roots = {item.root for item in inputs if item.root.is_absolute()}
    base = Path(os.path.commonpath(roots)) if roots else Path()
    relative = {item.path: _relative(item.path, base) for item in inputs}
    wanted = {path: _without_ending(place).as_posix() for path, place in relative.items()}
    wishes = Counter(_folded(place) for place in wanted.values())
    used = {_folded(place) for place in taken.values()} | _RESERVED
    places: dict[Path, str] = {}
    for path, place in relative.items():
        given = taken.get(str(path))
        if given is None:
            alone = wishes[_folded(wanted[path])] == 1
            given = _free(wanted[path] if alone else place.as_posix(), place.as_posix(), used)
            used.add(_folded(given))
        places[path] = given
    return places


def _relative(path: Path, base: Path) -> PurePath:
    return path.relative_to(base) if path.is_relative_to(base) else PurePath(path.name)


def _without_ending(place: PurePath) -> PurePath:
    return place.with_suffix("") if _ENDING.fullmatch(place.suffix) else place


def _free(wanted: str, full: str, used: set[str]) -> str:
    if _folded(wanted) not in used:
        return wanted
    if _folded(full) not in used:
        return full
    return next(name for number in count(2) if _folded(name := f"{full}-{number}") not in used)


def _folded(place: str) -> str:
    """The same for names that a file system without upper and lower case takes for one."""
    return place.casefold()
