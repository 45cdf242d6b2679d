"""Chunks of an upload in, a file to decode from out: in memory while small, on disk when not."""

import asyncio
import io
import threading
from collections.abc import AsyncIterable
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

IN_MEMORY_BYTES = 2 * 2**20
_WRITE_BYTES = 2**20


async def spool(chunks: AsyncIterable[bytes]) -> BinaryIO:
    """Collect a body in a file that has no name and vanishes when it is closed.

    Args:
        chunks: the body's parts, of any size.

    Returns:
        The file, at its beginning. It is on disk from 2 MiB on.
    """
    bodies = SpooledBodies()
    try:
        await bodies.fill(chunks)
        return bodies.open(0, bodies.size)
    finally:
        bodies.close()


class SpooledBodies:
    """Several bodies in one nameless file, so that a thousand of them take one descriptor.

    They are written one after the other and then read by any number of threads. The file
    vanishes once this and everything that was opened in it is closed.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        self._waiting = bytearray()
        self._written = 0
        self._users = 1
        self._lock = threading.Lock()
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes that were added: where the next body begins."""
        return self._written + len(self._waiting)

    def add(self, data: bytes) -> None:
        """Append to what is to be written."""
        self._waiting += data

    async def fill(self, chunks: AsyncIterable[bytes]) -> None:
        """Append one whole body, of chunks of any size, ready to be read."""
        async for chunk in chunks:
            self.add(chunk)
            await self.drain()
        await self.drain(everything=True)

    async def drain(self, *, everything: bool = False) -> None:
        """Write what waits, if it is much; `everything` however little it is, before reading."""
        if len(self._waiting) >= _WRITE_BYTES:
            await asyncio.to_thread(self._write)
        elif everything:
            self._write()

    def open(self, start: int, size: int) -> BinaryIO:
        """Open one body, at its beginning, to be read by one thread at a time."""
        with self._lock:
            self._users += 1
        return cast("BinaryIO", _Body(self, start, size))

    def read_at(self, position: int, size: int) -> bytes:
        """Read some bytes of the file."""
        with self._lock:
            self._file.seek(position)
            return self._file.read(size)

    def release(self) -> None:
        """Note that one user is done; the last one closes the file."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._file.close()

    def close(self) -> None:
        """Open no more; what is open stays so."""
        if not self._closed:
            self._closed = True
            self.release()

    def _write(self) -> None:
        self._file.write(self._waiting)
        self._written += len(self._waiting)
        self._waiting.clear()


class _Body(io.RawIOBase):
    """One of several bodies, read as a file of its own."""

    def __init__(self, bodies: SpooledBodies, start: int, size: int) -> None:
        super().__init__()
        self._bodies = bodies
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        size = max(0, min(len(buffer), self._size - self._position))
        data = self._bodies.read_at(self._start + self._position, size) if size else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._bodies.release()


class StoppableSource(io.RawIOBase):
    """A file that seems to end once nobody wants it any more.

    A decoder in a thread cannot be interrupted; at the end of the file it stops by itself.
    Closing this leaves the file open.

    Args:
        file: what to read from.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._stopped = False

    def stop(self) -> None:
        """Let every read from now on, on any thread, find the end of the file."""
        self._stopped = True

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read up to the buffer's length; 0 at the end, and once stopped."""
        if self._stopped:
            return 0
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position; returns it."""
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        """The position."""
        return self._file.tell()
