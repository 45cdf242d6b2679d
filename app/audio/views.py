"""A seekable stream as it would be without what is in front of it, or with a header put right.

A binary stream flows in, a binary stream over a part of it flows out; nothing is copied.
"""

import os
from typing import BinaryIO, cast

from app.file_part import FilePart


class View(FilePart):
    """A seekable stream from an offset on, some of whose bytes are replaced.

    Args:
        stream: seekable; left open when the view is closed.
        start: where in it the view begins.
        patches: bytes to be seen in place of those that are there, by their offset in the view.
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


def view(stream: BinaryIO, start: int = 0, patches: dict[int, bytes] | None = None) -> BinaryIO:
    """The stream itself where there is nothing to leave out or replace, else a `View` of it."""
    if not start and not patches:
        return stream
    return cast("BinaryIO", View(stream, start, patches))
