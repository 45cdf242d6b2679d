"""Sound in a container while more of it still comes: a pipe in, 16 kHz mono out."""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO, cast

from app.audio.pyav_reader import PyAVReader
from app.audio.recording import Samples
from app.audio.resample import Resampler
from app.audio.sniff import Sniffed, sniff
from app.errors import AudioError

_HEAD_BYTES = 65_536
_TAG_BYTES = 2**24


def decode_live(file: io.FileIO) -> Iterator[Samples]:
    """Decode what comes, float32 [samples] at 16 kHz, frame by frame.

    Args:
        file: a pipe or a file, read once from where it is.

    Raises:
        AudioError: it is in no format that can be read as it comes, or damaged.
    """
    stream, sniffed = _peek(file)
    resampler = Resampler()
    with closing(PyAVReader(stream, sniffed, block_values=1)) as reader:
        for block in reader.blocks():
            yield from resampler.push(block)
    yield from resampler.finish()


def _peek(file: io.FileIO) -> tuple[BinaryIO, Sniffed]:
    """Find out what a pipe holds, and give it back whole.

    Raises:
        AudioError: it is in no accepted container.
    """
    head = b""
    while True:
        data = file.read(_HEAD_BYTES)
        head += data
        try:
            sniffed = sniff(io.BytesIO(head))
        except AudioError:
            # Perhaps too little of it has come so far: an ID3 tag may hold a picture.
            if data and len(head) < (_TAG_BYTES if head[:3] == b"ID3" else _HEAD_BYTES):
                continue
            raise
        return cast("BinaryIO", _Rejoined(head, file)), sniffed


class _Rejoined(io.RawIOBase):
    """What was read of a pipe already, and then the rest of it."""

    def __init__(self, head: bytes, rest: io.FileIO) -> None:
        super().__init__()
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never: what is past is gone."""
        return False

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read up to the buffer's length, without waiting for all of it; 0 at the end."""
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :] if self._head else b""
        buffer[: len(data)] = data
        return len(data)
