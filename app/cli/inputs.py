"""Arguments of the command line in, recordings out: files, globs, whole folders, and stdin."""

import glob
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from app.errors import AudioError, InvalidRequestError

STDIN = "-"
_GLOB = frozenset("*?[")
_IN_MEMORY_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Input:
    """One recording to transcribe.

    Attributes:
        number: its place among all, from 0.
        shown: what people call it: its path as it was given or found, or `-`.
        path: where it is, absolute; a name in no folder for stdin.
        root: the folder that its argument named, which its place is relative to.
        open: gives its bytes from the beginning; whoever asks closes them. Raises OSError.
        size: bytes, 0 where they cannot be told.
        changed: when it was changed last, in nanoseconds since 1970; 0 likewise.
    """

    number: int
    shown: str
    path: Path
    root: Path
    open: Callable[[], BinaryIO]
    size: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    shown: str
    root: Path


def find_inputs(arguments: Sequence[str]) -> tuple[Input, ...]:
    """Find the recordings that arguments name, in their order and each once.

    A folder stands for all recordings in it and below, told by their content; hidden files and
    folders are passed over. A glob is one that the shell did not expand; `**` matches folders
    at any depth. What a path names must not exist: that is told when it is opened.

    Raises:
        InvalidRequestError: stdin is a terminal.
    """
    inputs: dict[Path, Input] = {}
    for argument in arguments:
        for item in _stdin() if argument == STDIN else map(_file, _find(argument)):
            if item.path not in inputs:
                inputs[item.path] = replace(item, number=len(inputs))
    return tuple(inputs.values())


def find_input(argument: str) -> Input:
    """The one recording that an argument names, a file or stdin.

    Raises:
        InvalidRequestError: stdin is a terminal.
    """
    if argument == STDIN:
        return next(_stdin())
    return _file(_Found(argument, _absolute(Path(argument).parent)))


def _stdin() -> Iterator[Input]:
    if sys.stdin.isatty():
        raise InvalidRequestError(
            "- reads a recording from a pipe, and stdin is a terminal.", param="files"
        )
    held = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - who opens it closes it
    shutil.copyfileobj(sys.stdin.buffer, held)
    size = held.tell()
    held.seek(0)
    yield Input(0, STDIN, Path("stdin"), Path(), lambda: cast("BinaryIO", held), size)


def _file(found: _Found) -> Input:
    path = _absolute(Path(found.shown))

    def opened() -> BinaryIO:
        return path.open("rb")

    try:
        status = path.stat()
    except OSError:
        # Opening it will say why.
        return Input(0, found.shown, path, found.root, opened)
    return Input(0, found.shown, path, found.root, opened, status.st_size, status.st_mtime_ns)


def _find(argument: str) -> Iterator[_Found]:
    path = Path(argument)
    if path.is_dir():
        yield from _walk(path)
    elif path.exists() or not _GLOB & set(argument):
        yield _Found(argument, _absolute(path.parent))
    else:
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - as the shell does
        root = _absolute(_fixed_part(argument))
        files = [_Found(match, root) for match in matches if not Path(match).is_dir()]
        yield from files or [_Found(argument, root)]


def _walk(folder: Path) -> Iterator[_Found]:
    found = False
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(where) / name
            if not name.startswith(".") and _is_recording(path):
                found = True
                yield _Found(str(path), _absolute(folder))
    if not found:
        raise InvalidRequestError(f"{folder}: there is no recording in this folder.", param="files")


def _is_recording(path: Path) -> bool:
    # Not at the top: it brings the decoders along, which takes a while.
    from app.audio.containers.sniff import sniff  # noqa: PLC0415

    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            sniff(file)
    except (OSError, AudioError):
        return False
    return True


def _fixed_part(pattern: str) -> Path:
    """The folders of a glob before the first with a wildcard."""
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if _GLOB & set(part))
    return Path(*parts[:fixed])


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links keep their names
