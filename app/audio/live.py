"""Decodes a container while it is still being written: a pipe, or a file that grows.

What only the end of a file shows, such as whether it is complete, is not checked.
"""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO, cast

from app.audio.blocks import Resampler
from app.audio.containers.sniff import Sniffed, sniff
from app.audio.ffmpeg.reader import PyAVReader
from app.audio.info import NoticeCollector
from app.audio.options import AudioLimits
from app.audio.recording import Samples
from app.errors import AudioError

_HEAD_BYTES = 65_536
_TAG_BYTES = 2**24
_ENDLESS = AudioLimits(max_seconds=float("inf"))


def decode_live(file: io.RawIOBase) -> Iterator[Samples]:
    """Decodes a container while it arrives.

    Args:
        file: need not be seekable; read to its end and left open.

    Yields:
        float32 [samples] at 16 kHz, as soon as they are decoded.

    Raises:
        AudioError: the container is not accepted, or damaged.
    """
    stream, sniffed = _peek(file)
    resampler = Resampler()
    reader = PyAVReader(stream, sniffed, limits=_ENDLESS, notices=NoticeCollector(), block_values=1)
    with closing(reader):
        for block in reader.blocks():
            yield from resampler.push(block)
    yield from resampler.finish()


def _peek(file: io.RawIOBase) -> tuple[BinaryIO, Sniffed]:
    """Sniffs the container of a pipe; returns it with a stream from the container's first byte on.

    Raises:
        AudioError: the container is not accepted.
    """
    head = b""
    while True:
        data = file.read(_HEAD_BYTES) or b""
        head += data
        try:
            sniffed = sniff(io.BytesIO(head))
        except AudioError:
            # More bytes may help: an ID3 tag in front may hold a picture.
            if data and len(head) < (_TAG_BYTES if head[:3] == b"ID3" else _HEAD_BYTES):
                continue
            raise
        return cast("BinaryIO", _Rewound(head[sniffed.start :], file)), sniffed


class _Rewound(io.RawIOBase):
    """The bytes of a pipe that were read already, followed by the rest of it."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        super().__init__()
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns False."""
        return False

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Reads up to the buffer's length, without waiting for all of it; 0 at the end."""
        data = self._head[: len(buffer)] or self._rest.read(len(buffer)) or b""
        self._head = self._head[len(data) :] if self._head else b""
        buffer[: len(data)] = data
        return len(data)
