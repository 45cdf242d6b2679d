"""Finds the recordings that arguments name: files, globs, folders and stdin."""

import glob
import mimetypes
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from nordlyd_client.cli.backends import Input
from nordlyd_client.cli.service import find_service
from nordlyd_client.errors import InvalidRequestError

STDIN = "-"
_GLOB = frozenset("*?[")
_IN_MEMORY_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True)
class _Found:
    shown: str
    root: Path


def find_inputs(arguments: Sequence[str]) -> tuple[Input, ...]:
    """Finds the recordings that arguments name, in their order and each once.

    A folder stands for all recordings in it and below, hidden ones left out. A glob is one that
    the shell did not expand; `**` matches folders at any depth. A path need not exist: opening
    it raises the error.

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
    """Finds the one recording that an argument names, a file or stdin.

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
    held = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - its reader closes it
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
        # Opening it raises the reason.
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
    """Returns whether a file is a recording: by its content where the service can read it."""
    try:
        if not path.is_file():
            return False
    except OSError:
        return False
    service = find_service()
    if service is not None:
        return service.is_recording(path)
    return (mimetypes.guess_type(path.name)[0] or "").startswith(("audio/", "video/"))


def _fixed_part(pattern: str) -> Path:
    """Returns the folders of a glob before the first with a wildcard."""
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if _GLOB & set(part))
    return Path(*parts[:fixed])


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links keep their names
