"""How much audio a container promises and how much of it is there, without decoding any.

A stream and its container flow in; an `Extent` flows out. libsndfile quietly plays what is left
of a file that was cut short, so this is looked at before.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from app.audio.containers.sniff import Container
from app.errors import AudioError

# Writers that forget a padding byte or count the header twice are off by a few bytes; a
# transfer that broke off is off by far more.
_SLACK_BYTES = 64
# What a writer that cannot seek back leaves in a 32-bit size: 0, or a number just below or at
# 2 GiB (SoX, arecord) or 4 GiB (FFmpeg), sometimes less the header.
_PLACEHOLDER_SLACK = 8_192
# More chunks than any writer makes; a damaged file must not keep us walking.
_MAX_CHUNKS = 100_000
_MAX_OGG_PAGE = 65_307
_OGG_HEADER_BYTES = 27
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_OGG_MARK = b"OggS\0"


@dataclass(frozen=True, slots=True)
class Extent:
    """What the header promises.

    Attributes:
        promised: bytes that the header counts; 0 where it counts none.
        missing: how many of them are beyond the stream's end; a few are forgiven and not counted.
        open_ended: the header leaves the length open: the audio goes on to the stream's end.
        located: False where there should be a chunk of audio data and is none. FFmpeg would
            search such a file for seconds.
        foreign: bytes between the parts of the audio that belong to none of them.
        patches: bytes to be read in place of those that are there, by their offset: sizes that
            a writer left open and that neither library takes for open.
    """

    promised: int = 0
    missing: int = 0
    open_ended: bool = False
    located: bool = True
    foreign: int = 0
    patches: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def within(cls, promised: int, missing: int) -> "Extent":
        """The extent of a header that counts its bytes; a few missing ones are forgiven."""
        return cls(promised, missing if missing > _SLACK_BYTES else 0)

    def check(self, name: str) -> None:
        """Refuse a stream that was cut short.

        Args:
            name: of the container, for the message.

        Raises:
            AudioError: bytes are missing.
        """
        if self.missing:
            raise AudioError(
                f"The {name} file is cut short: {self.missing:,} of the {self.promised:,} bytes "
                "that its header promises are missing. Send the whole file."
            )


@dataclass(frozen=True, slots=True)
class _Dialect:
    """One way to write a list of chunks: identifier, size, payload."""

    first: int
    header: str
    data: bytes
    alignment: int = 2
    size_counts_header: bool = False


_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_DIALECTS = {
    Container.WAV: _Dialect(12, "<4sI", b"data"),
    Container.RF64: _Dialect(12, "<4sI", b"data"),
    Container.W64: _Dialect(40, "<16sQ", _W64_DATA, alignment=8, size_counts_header=True),
    Container.AIFF: _Dialect(12, ">4sI", b"SSND"),
    Container.CAF: _Dialect(8, ">4sQ", b"data", alignment=1),
}


def measure(stream: BinaryIO, container: Container, size: int) -> Extent:
    """What the header of a stream promises, against what is there.

    Args:
        stream: seekable; left at its beginning.
        container: as sniffed.
        size: bytes in the stream.

    Returns:
        An empty `Extent` for containers whose header does not count their bytes, and for headers
        too damaged to follow: decoding them says what is wrong.
    """
    if container in _DIALECTS:
        extent = _chunked(stream, container, size)
    else:
        extent = _OTHERS.get(container, _unmeasured)(stream, size)
    stream.seek(0)
    return extent


def _within(promised: int, present: int) -> Extent:
    return Extent.within(promised, promised - present)


def _chunks(
    stream: BinaryIO, dialect: _Dialect, at: int, end: int
) -> Iterator[tuple[bytes, int, int]]:
    """Identifier, offset of the payload and its size, for each chunk between two offsets."""
    header_bytes = struct.calcsize(dialect.header)
    for _ in range(_MAX_CHUNKS):
        if at >= end:
            return
        stream.seek(at)
        header = stream.read(header_bytes)
        if len(header) < header_bytes:
            return
        identifier, size = struct.unpack(dialect.header, header)
        payload = at + header_bytes
        if dialect.size_counts_header:
            size = max(0, size - header_bytes)
        yield identifier, payload, size
        at = payload + size + -size % dialect.alignment


def _chunked(stream: BinaryIO, container: Container, size: int) -> Extent:
    dialect = _DIALECTS[container]
    long_size, long_at = None, 0
    for identifier, payload, declared in _chunks(stream, dialect, dialect.first, size):
        if identifier == b"ds64":
            long_at = payload + 8
            stream.seek(long_at)
            long_size = int.from_bytes(stream.read(8), "little")
        if identifier != dialect.data:
            continue
        promised = declared
        if container is Container.RF64 and long_size is not None and declared == 2**32 - 1:
            promised = long_size
        present = max(0, size - payload)
        if promised > present and _is_placeholder(promised):
            return Extent(open_ended=True)
        if promised == 0 and present and not _only_chunks(stream, dialect, payload, size):
            if long_size is not None:
                # Recorded into a pipe: both libraries take this for empty.
                return Extent(patches={long_at: present.to_bytes(8, "little")})
            return Extent(open_ended=True)
        return _within(promised, present)
    return Extent(located=False)


def _is_placeholder(size: int) -> bool:
    return any(-_PLACEHOLDER_SLACK <= size - 2**bits <= 0 for bits in (31, 32, 63, 64))


def _only_chunks(stream: BinaryIO, dialect: _Dialect, at: int, size: int) -> bool:
    """Whether nothing but well-formed chunks follow: then an empty data chunk really is empty."""
    end = at
    for identifier, payload, length in _chunks(stream, dialect, at, size):
        if not identifier[:4].isascii() or not identifier[:4].decode().isprintable():
            return False
        end = payload + length
    return end in {size, size - 1}


def _au(stream: BinaryIO, size: int) -> Extent:
    stream.seek(4)
    header = stream.read(8)
    offset, declared = struct.unpack(">II", header.ljust(8, b"\0"))
    if declared == 2**32 - 1:
        return Extent(open_ended=True)
    return _within(declared, max(0, size - offset))


def _avi(stream: BinaryIO, size: int) -> Extent:
    stream.seek(4)
    declared = int.from_bytes(stream.read(4), "little")
    if _is_placeholder(declared):
        return Extent()
    return _within(declared + 8, size)


def _matroska(stream: BinaryIO, size: int) -> Extent:
    """The EBML header and the segment behind it, RFC 8794 sections 4 and 5."""
    stream.seek(4)
    header = _ebml_size(stream)
    if header is None:
        return Extent()
    stream.seek(min(size, stream.tell() + header))
    if stream.read(4) != b"\x18\x53\x80\x67":
        return Extent()
    segment = _ebml_size(stream)
    if segment is None:
        return Extent()
    return _within(segment, size - stream.tell())


def _ebml_size(stream: BinaryIO) -> int | None:
    """A variable-length size; None for one that is unknown or not there."""
    first = stream.read(1)
    if not first or first == b"\0":
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(first + stream.read(more), "big") & ((1 << 7 * (more + 1)) - 1)
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _ogg(stream: BinaryIO, size: int) -> Extent:
    """The chain of pages, RFC 3533 section 6: whether it is whole, and what else is in between."""
    at, foreign, end = 0, 0, 0
    while at < size:
        stream.seek(at)
        page = stream.read(_MAX_OGG_PAGE)
        if page.startswith(_OGG_MARK):
            # 255 lengths of segments follow the fixed part of the header at most.
            table = page[26] if len(page) >= _OGG_HEADER_BYTES else 255
            whole = _OGG_HEADER_BYTES + table
            whole += sum(page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + table])
            if at + whole > size and not page.find(_OGG_MARK, 1) > 0:
                return Extent(whole, at + whole - size, foreign=foreign)
            if _ogg_checksum(page[:whole]) == page[22:26]:
                at = end = at + whole
                continue
        found = _next_page(stream, at + 1, size)
        if found is None:
            break
        foreign += found - at
        at = found
    return Extent(end, foreign=foreign)


def _ogg_checksum(page: bytes) -> bytes:
    """The checksum a page should have: CRC-32 with the bits of each byte in the other order."""
    blanked = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(blanked.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED)


def _next_page(stream: BinaryIO, at: int, size: int) -> int | None:
    """Where the next page begins, behind bytes that belong to none; None if there is none."""
    while at < size:
        stream.seek(at)
        data = stream.read(_MAX_OGG_PAGE)
        found = data.find(_OGG_MARK)
        if found >= 0:
            return at + found
        if len(data) < _MAX_OGG_PAGE:
            return None
        at += len(data) - len(_OGG_MARK) + 1
    return None


def _unmeasured(stream: BinaryIO, size: int) -> Extent:
    del stream, size
    return Extent()


_OTHERS: dict[Container, Callable[[BinaryIO, int], Extent]] = {
    Container.AU: _au,
    Container.AVI: _avi,
    Container.MATROSKA: _matroska,
    Container.OGG: _ogg,
}
