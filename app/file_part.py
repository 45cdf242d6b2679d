"""A part of something that can be read at any place, as a file of its own."""

import io
from abc import ABC, abstractmethod


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
        """Read up to the buffer's length from a position; returns how much."""

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read up to the buffer's length; 0 at the end."""
        size = max(0, min(len(buffer), self._size - self._position))
        if not size:
            return 0
        with memoryview(buffer) as whole:
            done = self.read_at(self._position, whole[:size])
        self._position += done
        return done

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position; returns it.

        Raises:
            ValueError: it is before the beginning.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}: it is before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position
