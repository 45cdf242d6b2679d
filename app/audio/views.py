"""A seekable stream as it would be without what is in front of it, or with a header put right.

A binary stream flows in, a binary stream over a part of it flows out; nothing is copied.
"""

import io
import os
from typing import BinaryIO, cast


class View(io.RawIOBase):
    """A seekable stream from an offset on, some of whose bytes are replaced.

    Args:
        stream: seekable; left open when the view is closed.
        start: where in it the view begins.
        patches: bytes to be seen in place of those that are there, by their offset in the view.
    """

    def __init__(
        self, stream: BinaryIO, start: int = 0, patches: dict[int, bytes] | None = None
    ) -> None:
        super().__init__()
        self._stream = stream
        self._start = start
        self._patches = patches or {}
        self._at = 0
        self._size = max(0, stream.seek(0, os.SEEK_END) - start)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset within the view."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset within the view.

        Raises:
            ValueError: it is before the beginning.
        """
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"{at} is before the beginning")
        self._at = at
        return at

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read up to the buffer's length; 0 at the end."""
        self._stream.seek(self._start + self._at)
        data = bytearray(self._stream.read(len(buffer)))
        for offset, patch in self._patches.items():
            first, last = max(offset, self._at), min(offset + len(patch), self._at + len(data))
            if first < last:
                data[first - self._at : last - self._at] = patch[first - offset : last - offset]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def view(stream: BinaryIO, start: int = 0, patches: dict[int, bytes] | None = None) -> BinaryIO:
    """The stream itself where there is nothing to leave out or replace, else a `View` of it."""
    if not start and not patches:
        return stream
    return cast("BinaryIO", View(stream, start, patches))
