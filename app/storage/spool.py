"""Request bodies and downloads, kept while they arrive: in memory while small, then on disk."""

import os
import threading
from asyncio import to_thread
from collections.abc import AsyncIterable
from typing import BinaryIO, cast

from app.storage.budgets import Reservation
from app.storage.files import (
    IN_MEMORY_BYTES,
    FilePart,
    FileRange,
    create_disk_file,
    create_memory_file,
    disk_error,
    reopen_read_only,
    write_at,
)

_WRITE_BYTES = 2**20


async def spool(chunks: AsyncIterable[bytes], reservation: Reservation | None = None) -> BinaryIO:
    """Collects a body in a file without a name, which vanishes when it is closed.

    Args:
        chunks: parts of the body, of any size.
        reservation: counts the bytes on disk; None counts nothing.

    Returns:
        The file, at its beginning. It is on disk from 2 MiB on.

    Raises:
        OverloadedError, InsufficientStorageError: there is no room on disk.
    """
    bodies = SpooledBodies(reservation)
    try:
        await bodies.fill(chunks)
        return bodies.open(0, bodies.size)
    finally:
        bodies.close()


class SpooledBodies:
    """Several bodies in one file without a name, so that a thousand of them take one descriptor.

    They are written one after the other and then read by any number of threads and processes. The
    file vanishes once this and everything that was opened from it is closed.

    Args:
        reservation: counts the bytes on disk; None counts nothing.
    """

    def __init__(self, reservation: Reservation | None = None) -> None:
        self._closed = True
        self._file = create_memory_file()
        self._closed = False
        self._on_disk = False
        self._reservation = reservation
        self._buffer = bytearray()
        self._written = 0
        self._users = 1
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that were added: the offset at which the next body begins."""
        return self._written + len(self._buffer)

    @property
    def on_disk(self) -> bool:
        """True once the bodies have grown too large for memory."""
        return self._on_disk

    def add(self, data: bytes) -> None:
        """Appends to the buffer; `drain` writes it."""
        self._buffer += data

    async def fill(self, chunks: AsyncIterable[bytes]) -> None:
        """Appends one whole body, in chunks of any size, and makes it ready to be read.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room on disk.
        """
        async for chunk in chunks:
            self.add(chunk)
            await self.drain()
        await self.drain(everything=True)

    async def drain(self, *, everything: bool = False) -> None:
        """Writes the buffer once it holds 1 MiB; with `everything`, however little it holds.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room on disk.
        """
        if len(self._buffer) >= _WRITE_BYTES:
            await to_thread(self._write)
        elif everything:
            self._write()

    def open(self, start: int, size: int) -> BinaryIO:
        """Opens one body, at its beginning, to be read by one thread at a time."""
        with self._lock:
            self._users += 1
        return cast("BinaryIO", _Body(self, start, size))

    def read_at(self, position: int, size: int) -> bytes:
        """Reads up to `size` bytes of the file from an offset."""
        return os.pread(self._file, size, position)

    def open_range(self, start: int, size: int) -> FileRange:
        """Opens one body for another process, which cannot write it."""
        return FileRange(reopen_read_only(self._file), start, size)

    def release(self) -> None:
        """Counts one user less; the last one closes the file."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
        os.close(self._file)
        if self._reservation is not None:
            self._reservation.release()

    def close(self) -> None:
        """Refuses to open more bodies; those that are open stay open."""
        if not self._closed:
            self._closed = True
            self.release()

    def __del__(self) -> None:
        self.close()

    def _write(self) -> None:
        size = self.size
        if size > IN_MEMORY_BYTES:
            if self._reservation is not None:
                self._reservation.resize(size)
            self._move_to_disk()
        try:
            write_at(self._file, self._buffer, self._written)
        except OSError as error:
            raise disk_error(error) from error
        self._written = size
        self._buffer.clear()

    def _move_to_disk(self) -> None:
        if self._on_disk:
            return
        file = create_disk_file()
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

    def open_range(self) -> FileRange:
        """Opens the body for another process; see `SpooledBodies.open_range`."""
        return self._bodies.open_range(self._start, self._size)

    def read_at(self, position: int, buffer: memoryview) -> int:
        data = self._bodies.read_at(self._start + position, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._bodies.release()
