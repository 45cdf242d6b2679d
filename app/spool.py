"""Chunks of an upload in, a file to decode from out: in memory while small, on disk when not."""

import asyncio
import io
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
    file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
    waiting = bytearray()
    try:
        async for chunk in chunks:
            waiting += chunk
            if len(waiting) >= _WRITE_BYTES:
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
        file.write(waiting)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return cast("BinaryIO", file)


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
