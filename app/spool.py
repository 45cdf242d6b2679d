"""Chunks of an upload in, a file to decode from out: in memory while small, on disk when not."""

import errno
import os
import tempfile
import threading
from asyncio import to_thread
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import BinaryIO, cast

from app.budgets import Hold
from app.errors import InsufficientStorageError
from app.file_part import FilePart

IN_MEMORY_BYTES = 2 * 2**20
_WRITE_BYTES = 2**20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class FileWindow:
    """A part of an open file, as another process can be given it.

    Attributes:
        file: the descriptor; whoever takes the window closes it.
        start: where the part begins, in bytes.
        size: how many bytes it has.
    """

    file: int
    start: int
    size: int


def memory_file() -> int:
    """Open a nameless file in memory; on disk where the system has no such thing."""
    create = getattr(os, "memfd_create", None)
    return disk_file() if create is None else int(create("nordlyd"))


def disk_file() -> int:
    """Open a nameless file in the folder for temporary files, which vanishes when it is closed.

    Raises:
        InsufficientStorageError: there is no room for it.
    """
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            return os.dup(file.fileno())
    except OSError as error:
        raise disk_error(error) from error


def disk_error(error: OSError) -> Exception:
    """The refusal where a disk is full, and otherwise the error itself."""
    if error.errno not in _FULL:
        return error
    return InsufficientStorageError(
        f"The disk that uploads and decoded audio are kept on ({tempfile.gettempdir()}) is full."
    )


def read_only(file: int) -> int:
    """Open a file once more, so that it cannot be written through the new descriptor."""
    try:
        return os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # No /proc; the file is then shared as it is.
        return os.dup(file)


async def spool(chunks: AsyncIterable[bytes], hold: Hold | None = None) -> BinaryIO:
    """Collect a body in a file that has no name and vanishes when it is closed.

    Args:
        chunks: the body's parts, of any size.
        hold: what it is to be counted in.

    Returns:
        The file, at its beginning. It is on disk from 2 MiB on.

    Raises:
        OverloadedError, InsufficientStorageError: there is no room on disk.
    """
    bodies = SpooledBodies(hold)
    try:
        await bodies.fill(chunks)
        return bodies.open(0, bodies.size)
    finally:
        bodies.close()


class SpooledBodies:
    """Several bodies in one nameless file, so that a thousand of them take one descriptor.

    They are written one after the other and then read by any number of threads and processes. The
    file vanishes once this and everything that was opened in it is closed.

    Args:
        hold: what the bytes on disk are counted in; None counts nothing.
    """

    def __init__(self, hold: Hold | None = None) -> None:
        self._closed = True
        self._file = memory_file()
        self._closed = False
        self._on_disk = False
        self._hold = hold
        self._waiting = bytearray()
        self._written = 0
        self._users = 1
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that were added: where the next body begins."""
        return self._written + len(self._waiting)

    @property
    def on_disk(self) -> bool:
        """Whether what was written was too much for memory."""
        return self._on_disk

    def add(self, data: bytes) -> None:
        """Append to what is to be written."""
        self._waiting += data

    async def fill(self, chunks: AsyncIterable[bytes]) -> None:
        """Append one whole body, of chunks of any size, ready to be read.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room on disk.
        """
        async for chunk in chunks:
            self.add(chunk)
            await self.drain()
        await self.drain(everything=True)

    async def drain(self, *, everything: bool = False) -> None:
        """Write what waits, if it is much; `everything` however little it is, before reading.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room on disk.
        """
        if len(self._waiting) >= _WRITE_BYTES:
            await to_thread(self._write)
        elif everything:
            self._write()

    def open(self, start: int, size: int) -> BinaryIO:
        """Open one body, at its beginning, to be read by one thread at a time."""
        with self._lock:
            self._users += 1
        return cast("BinaryIO", _Body(self, start, size))

    def read_at(self, position: int, size: int) -> bytes:
        """Read some bytes of the file."""
        return os.pread(self._file, size, position)

    def window(self, start: int, size: int) -> FileWindow:
        """Open one body for another process, which cannot write it."""
        return FileWindow(read_only(self._file), start, size)

    def release(self) -> None:
        """Note that one user is done; the last one closes the file."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
        os.close(self._file)
        if self._hold is not None:
            self._hold.release()

    def close(self) -> None:
        """Open no more; what is open stays so."""
        if not self._closed:
            self._closed = True
            self.release()

    def __del__(self) -> None:
        self.close()

    def _write(self) -> None:
        size = self.size
        if size > IN_MEMORY_BYTES:
            if self._hold is not None:
                self._hold.resize(size)
            self._move_to_disk()
        try:
            write_at(self._file, self._waiting, self._written)
        except OSError as error:
            raise disk_error(error) from error
        self._written = size
        self._waiting.clear()

    def _move_to_disk(self) -> None:
        if self._on_disk:
            return
        file = disk_file()
        try:
            write_at(file, os.pread(self._file, self._written, 0), 0)
        except OSError as error:
            os.close(file)
            raise disk_error(error) from error
        before, self._file = self._file, file
        self._on_disk = True
        os.close(before)


class _Body(FilePart):
    """One of several bodies, read as a file of its own."""

    def __init__(self, bodies: SpooledBodies, start: int, size: int) -> None:
        super().__init__(size)
        self._bodies = bodies
        self._start = start

    def window(self) -> FileWindow:
        """Open it for another process; see `SpooledBodies.window`."""
        return self._bodies.window(self._start, self._size)

    def read_at(self, position: int, buffer: memoryview) -> int:
        data = self._bodies.read_at(self._start + position, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._bodies.release()


def write_at(file: int, data: "bytes | bytearray", position: int) -> None:
    """Write all of some bytes at a position."""
    with memoryview(data) as whole:
        done = 0
        while done < len(whole):
            done += os.pwrite(file, whole[done:], position + done)
