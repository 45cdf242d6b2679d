"""Files without names, in memory or on disk, and byte ranges of files.

A `FileRange` is a descriptor with a range of bytes that another process can be given; a `FilePart`
is a binary stream over a part of something that can be read at any offset.
"""

import errno
import io
import os
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast, runtime_checkable

from app.errors import AudioError, InsufficientStorageError

IN_MEMORY_BYTES = 2 * 2**20
"""What is larger than this is kept on disk."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class FileRange:
    """A range of bytes of an open file.

    Attributes:
        file: the descriptor; whoever receives the range closes it.
        start: offset of its first byte.
        size: how many bytes it has.
    """

    file: int
    start: int
    size: int


@runtime_checkable
class _RangeSource(Protocol):
    """A stream that is a range of an open file already."""

    def open_range(self) -> FileRange:
        """Opens the range for another process."""
        ...


class FilePart(io.RawIOBase, ABC):
    """A seekable binary stream that keeps its own position.

    Args:
        size: bytes from its beginning to its end.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._position = 0

    @abstractmethod
    def read_at(self, position: int, buffer: memoryview) -> int:
        """Reads up to the buffer's length from a position; returns how many bytes were read."""

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Reads up to the buffer's length; returns how many bytes were read, 0 at the end."""
        size = max(0, min(len(buffer), self._size - self._position))
        if not size:
            return 0
        with memoryview(buffer) as whole:
            done = self.read_at(self._position, whole[:size])
        self._position += done
        return done

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Moves to a position; returns it.

        Raises:
            ValueError: the position is before the beginning.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}: it is before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Returns the position."""
        return self._position


class PatchedView(FilePart):
    """A seekable stream from an offset on, some of whose bytes are replaced; nothing is copied.

    Args:
        stream: seekable; left open when the view is closed.
        start: offset in the stream at which the view begins.
        patches: bytes that are read in place of those that are there, by their offset in the view.
    """

    def __init__(
        self, stream: BinaryIO, start: int = 0, patches: dict[int, bytes] | None = None
    ) -> None:
        super().__init__(max(0, stream.seek(0, os.SEEK_END) - start))
        self._stream = stream
        self._start = start
        self._patches = patches or {}

    def read_at(self, position: int, buffer: memoryview) -> int:
        """See `FilePart`."""
        self._stream.seek(self._start + position)
        data = bytearray(self._stream.read(len(buffer)))
        end = position + len(data)
        for offset, patch in self._patches.items():
            first, last = max(offset, position), min(offset + len(patch), end)
            if first < last:
                data[first - position : last - position] = patch[first - offset : last - offset]
        buffer[: len(data)] = data
        return len(data)


def create_memory_file() -> int:
    """Opens a file without a name in memory; on disk where the system has no memfd_create.

    Returns:
        The descriptor. The file vanishes when the last descriptor of it is closed.
    """
    create = getattr(os, "memfd_create", None)
    return create_disk_file() if create is None else int(create("nordlyd"))


def create_disk_file() -> int:
    """Opens a file without a name in the folder for temporary files.

    Returns:
        The descriptor. The file vanishes when the last descriptor of it is closed.

    Raises:
        InsufficientStorageError: the disk is full.
    """
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            return os.dup(file.fileno())
    except OSError as error:
        raise disk_error(error) from error


def disk_error(error: OSError) -> Exception:
    """Returns an InsufficientStorageError where the disk is full, otherwise the error itself."""
    if error.errno not in _FULL:
        return error
    return InsufficientStorageError(
        f"The disk that uploads and decoded audio are kept on ({tempfile.gettempdir()}) is full."
    )


def write_at(file: int, data: "bytes | bytearray", position: int) -> None:
    """Writes all of `data` at an offset of a file."""
    with memoryview(data) as whole:
        done = 0
        while done < len(whole):
            done += os.pwrite(file, whole[done:], position + done)


def reopen_read_only(file: int) -> int:
    """Opens a file once more, so that it cannot be written through the new descriptor."""
    try:
        return os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # Without /proc the descriptor is shared as it is.
        return os.dup(file)


def open_range(source: BinaryIO | Path) -> FileRange:
    """Opens a recording for another process, from its beginning; the source stays open.

    A file of the system is passed on as it is; anything else is copied into a file first.

    Raises:
        AudioError: the file cannot be opened.
        InsufficientStorageError: the disk has no room for the copy.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                return open_range(file)
        except OSError as error:
            raise AudioError(f"Cannot read {source}: {error.strerror}.") from error
    if isinstance(source, _RangeSource):
        return source.open_range()
    number = _descriptor(source)
    if number is not None:
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode):
            return FileRange(reopen_read_only(number), 0, status.st_size)
    return _copy(source)


def _descriptor(source: BinaryIO) -> int | None:
    if isinstance(source, io.BytesIO):
        return None
    try:
        source.flush()
        return source.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _copy(source: BinaryIO) -> FileRange:
    if isinstance(source, io.BytesIO):
        data = source.getvalue()
        file = create_memory_file() if len(data) <= IN_MEMORY_BYTES else create_disk_file()
        write_at(file, data, 0)
        return _give_away(file, len(data))
    if source.seekable():
        source.seek(0)
    file = create_disk_file()
    with open(os.dup(file), "wb") as copy:  # noqa: PTH123 - it has no path
        shutil.copyfileobj(source, cast("BinaryIO", copy))
        size = copy.tell()
    return _give_away(file, size)


def _give_away(file: int, size: int) -> FileRange:
    try:
        return FileRange(reopen_read_only(file), 0, size)
    finally:
        os.close(file)
