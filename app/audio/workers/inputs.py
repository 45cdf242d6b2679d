"""Whatever a caller has of a recording in, a part of an open file for a worker out."""

import io
import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO, Protocol, cast, runtime_checkable

from app.errors import AudioError
from app.spool import FileWindow, disk_file, memory_file, read_only, write_at

_COPIED_IN_MEMORY = 2 * 2**20


@runtime_checkable
class Windowed(Protocol):
    """A source that is a part of an open file already."""

    def window(self) -> FileWindow:
        """Open it for another process."""
        ...


def window_of(source: BinaryIO | Path) -> FileWindow:
    """Open a recording for a worker, from its beginning; the source stays open.

    Files are handed over as they are; what is no file of the system is copied into one.

    Raises:
        AudioError: the file cannot be opened.
        InsufficientStorageError: the disk has no room for the copy.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                return window_of(file)
        except OSError as error:
            raise AudioError(f"Cannot read {source}: {error.strerror}.") from error
    if isinstance(source, Windowed):
        return source.window()
    number = _descriptor(source)
    if number is not None:
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode):
            return FileWindow(read_only(number), 0, status.st_size)
    return _copied(source)


def _descriptor(source: BinaryIO) -> int | None:
    if isinstance(source, io.BytesIO):
        return None
    try:
        source.flush()
        return source.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _copied(source: BinaryIO) -> FileWindow:
    if isinstance(source, io.BytesIO):
        data = source.getvalue()
        file = memory_file() if len(data) <= _COPIED_IN_MEMORY else disk_file()
        write_at(file, data, 0)
        return _handed_over(file, len(data))
    if source.seekable():
        source.seek(0)
    file = disk_file()
    with open(os.dup(file), "wb") as copy:  # noqa: PTH123 - it has no path
        shutil.copyfileobj(source, cast("BinaryIO", copy))
        size = copy.tell()
    return _handed_over(file, size)


def _handed_over(file: int, size: int) -> FileWindow:
    try:
        return FileWindow(read_only(file), 0, size)
    finally:
        os.close(file)
