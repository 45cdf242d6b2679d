"""Writes the results of recordings, or why they failed, into a folder that mirrors theirs.

The files of `a/møte.wav` are `a/møte.wav.txt`, `a/møte.wav.srt` and so on: two recordings that
differ only by their endings have different ones.
"""

import os
from collections.abc import Mapping
from pathlib import Path

ERROR_ENDING = "error.txt"
"""Of the file beside the results that has the reason why there are none."""


def write_outputs(folder: Path, place: str, files: Mapping[str, bytes]) -> None:
    """Writes the results of a recording, and removes the reason of an earlier failure.

    Args:
        folder: of the results.
        place: of the recording, relative to its folder.
        files: by their endings.

    Raises:
        OSError: a file cannot be written.
    """
    for ending, body in files.items():
        write_whole(_output(folder, place, ending), body)
    remove_error(folder, place)


def write_error(folder: Path, place: str, message: str) -> None:
    """Writes why a recording has no results.

    Raises:
        OSError: the file cannot be written.
    """
    write_whole(_output(folder, place, ERROR_ENDING), f"{message}\n".encode())


def remove_error(folder: Path, place: str) -> None:
    """Removes the reason of an earlier failure, where there is one.

    Raises:
        OSError: it cannot be removed.
    """
    _output(folder, place, ERROR_ENDING).unlink(missing_ok=True)


def write_whole(path: Path, body: bytes) -> None:
    """Writes a file so that it exists complete or not at all, even after a crash.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        # A part of a file would take room on a disk that is full.
        part.unlink(missing_ok=True)
        raise


def _output(folder: Path, place: str, ending: str) -> Path:
    return folder / f"{place}.{ending}"
