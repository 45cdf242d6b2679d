"""A container that is read while more of it still comes: a pipe, or a file that grows.

Bytes flow in, 16 kHz mono float32 flows out, frame by frame. What can be seen only at the end of a
file is not looked at.
"""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO, cast

from app.audio.blocks import Resampler
from app.audio.containers.sniff import Sniffed, sniff
from app.audio.ffmpeg.reader import PyAVReader
from app.audio.info import Findings
from app.audio.options import DEFAULT, AudioLimits, DecodeOptions
from app.audio.recording import Samples
from app.errors import AudioError

_HEAD_BYTES = 65_536
_TAG_BYTES = 2**24
_ENDLESS = AudioLimits(max_seconds=float("inf"))


def decode_live(
    file: io.RawIOBase, *, options: DecodeOptions = DEFAULT, limits: AudioLimits = _ENDLESS
) -> Iterator[Samples]:
    """Decode a container as it comes.

    Args:
        file: need not be seekable; read as far as it goes and left open.
        options: how to read it; `raw` is not looked at.
        limits: how many channels and tracks there may be, how long gaps and the whole.

    Yields:
        float32 [samples] at 16 kHz, as soon as they are there.

    Raises:
        AudioError: it is in no accepted container, or damaged.
    """
    stream, sniffed = _peek(file)
    resampler = Resampler()
    reader = PyAVReader(
        stream,
        sniffed,
        limits=limits,
        findings=Findings(strict=options.strict),
        track=options.track,
        block_values=1,
    )
    seconds = 0.0
    with closing(reader):
        for block in reader.blocks():
            seconds += block.samples.size / block.rate
            limits.check(seconds)
            yield from resampler.push(block)
    yield from resampler.finish()


def _peek(file: io.RawIOBase) -> tuple[BinaryIO, Sniffed]:
    """Find out what a pipe holds, and give it back from the container's first byte on.

    Raises:
        AudioError: it is in no accepted container.
    """
    head = b""
    while True:
        data = file.read(_HEAD_BYTES) or b""
        head += data
        try:
            sniffed = sniff(io.BytesIO(head))
        except AudioError:
            # Perhaps too little of it has come so far: an ID3 tag may hold a picture.
            if data and len(head) < (_TAG_BYTES if head[:3] == b"ID3" else _HEAD_BYTES):
                continue
            raise
        return cast("BinaryIO", _Rejoined(head[sniffed.start :], file)), sniffed


class _Rejoined(io.RawIOBase):
    """What was read of a pipe already, and then the rest of it."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
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
        data = self._head[: len(buffer)] or self._rest.read(len(buffer)) or b""
        self._head = self._head[len(data) :] if self._head else b""
        buffer[: len(data)] = data
        return len(data)
