"""Compares the length that a header declares with the bytes that are there, without decoding.

libsndfile silently reads what is left of a file that was cut short, so this is checked first.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from app.audio.containers.formats import Container
from app.errors import AudioError

# Writers that forget a padding byte or count the header twice are wrong by a few bytes; an
# interrupted transfer loses far more.
_SLACK_BYTES = 64
# A writer that cannot seek back leaves in a 32-bit size: 0, or a number just below or at 2 GiB
# (SoX, arecord) or 4 GiB (FFmpeg), sometimes less the header.
_PLACEHOLDER_SLACK = 8_192
# More chunks than any writer makes; bounds the work on a damaged file.
_MAX_CHUNKS = 100_000
_MAX_OGG_PAGE = 65_307
_OGG_HEADER_BYTES = 27
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_OGG_MARK = b"OggS\0"


@dataclass(frozen=True, slots=True)
class Extent:
    """How much audio data the header declares, and how much of it is there.

    Attributes:
        declared: bytes that the header declares; 0 where it declares none.
        missing: how many of them lie beyond the stream's end; 0 where it is only a few.
        open_ended: the header leaves the length open: the audio lasts to the stream's end.
        has_data: False where the chunk of audio data is missing. FFmpeg would search such a file
            for seconds.
        foreign: bytes between the parts of the audio that belong to none of them.
        patches: bytes to read in place of those that are there, by their offset: sizes that a
            writer left open and that neither library recognises as open.
    """

    declared: int = 0
    missing: int = 0
    open_ended: bool = False
    has_data: bool = True
    foreign: int = 0
    patches: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, declared: int, missing: int) -> "Extent":
        """Returns the extent of a header that declares a size; a few missing bytes are ignored."""
        return cls(declared, missing if missing > _SLACK_BYTES else 0)

    def check(self, name: str) -> None:
        """Raises for a stream that was cut short.

        Args:
            name: of the container, for the message.

        Raises:
            AudioError: bytes are missing.
        """
        if self.missing:
            raise AudioError(
                f"The {name} file is cut short: {self.missing:,} of the {self.declared:,} bytes "
                "that its header declares are missing. Send the whole file."
            )


@dataclass(frozen=True, slots=True)
class _ChunkLayout:
    """How a format writes its chunks: identifier, size, payload."""

    first: int
    header: str
    data: bytes
    alignment: int = 2
    size_counts_header: bool = False


_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_CHUNK_LAYOUTS = {
    Container.WAV: _ChunkLayout(12, "<4sI", b"data"),
    Container.RF64: _ChunkLayout(12, "<4sI", b"data"),
    Container.W64: _ChunkLayout(40, "<16sQ", _W64_DATA, alignment=8, size_counts_header=True),
    Container.AIFF: _ChunkLayout(12, ">4sI", b"SSND"),
    Container.CAF: _ChunkLayout(8, ">4sQ", b"data", alignment=1),
}


def measure(stream: BinaryIO, container: Container, size: int) -> Extent:
    """Returns the extent of a stream, by its header.

    Args:
        stream: seekable; left at its beginning.
        container: as sniffed.
        size: bytes in the stream.

    Returns:
        An empty `Extent` for containers whose header does not declare their bytes, and for headers
        that are too damaged to read: decoding such a file fails with a precise error.
    """
    if container in _CHUNK_LAYOUTS:
        extent = _chunked(stream, container, size)
    else:
        extent = _OTHERS.get(container, _unmeasured)(stream, size)
    stream.seek(0)
    return extent


def _extent(declared: int, present: int) -> Extent:
    return Extent.of(declared, declared - present)


def _chunks(
    stream: BinaryIO, layout: _ChunkLayout, at: int, end: int
) -> Iterator[tuple[bytes, int, int]]:
    """Yields identifier, offset of the payload and its size for each chunk between two offsets."""
    header_bytes = struct.calcsize(layout.header)
    for _ in range(_MAX_CHUNKS):
        if at >= end:
            return
        stream.seek(at)
        header = stream.read(header_bytes)
        if len(header) < header_bytes:
            return
        identifier, size = struct.unpack(layout.header, header)
        payload = at + header_bytes
        if layout.size_counts_header:
            size = max(0, size - header_bytes)
        yield identifier, payload, size
        at = payload + size + -size % layout.alignment


def _chunked(stream: BinaryIO, container: Container, size: int) -> Extent:
    layout = _CHUNK_LAYOUTS[container]
    long_size, long_at = None, 0
    for identifier, payload, counted in _chunks(stream, layout, layout.first, size):
        if identifier == b"ds64":
            long_at = payload + 8
            stream.seek(long_at)
            long_size = int.from_bytes(stream.read(8), "little")
        if identifier != layout.data:
            continue
        declared = counted
        if container is Container.RF64 and long_size is not None and counted == 2**32 - 1:
            declared = long_size
        present = max(0, size - payload)
        if declared > present and _is_placeholder(declared):
            return Extent(open_ended=True)
        if declared == 0 and present and not _only_chunks(stream, layout, payload, size):
            if long_size is not None:
                # Recorded into a pipe: both libraries consider this empty.
                return Extent(patches={long_at: present.to_bytes(8, "little")})
            return Extent(open_ended=True)
        return _extent(declared, present)
    return Extent(has_data=False)


def _is_placeholder(size: int) -> bool:
    return any(-_PLACEHOLDER_SLACK <= size - 2**bits <= 0 for bits in (31, 32, 63, 64))


def _only_chunks(stream: BinaryIO, layout: _ChunkLayout, at: int, size: int) -> bool:
    """Returns whether only well-formed chunks follow: then an empty data chunk is really empty."""
    end = at
    for identifier, payload, length in _chunks(stream, layout, at, size):
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
    return _extent(declared, max(0, size - offset))


def _avi(stream: BinaryIO, size: int) -> Extent:
    stream.seek(4)
    declared = int.from_bytes(stream.read(4), "little")
    if _is_placeholder(declared):
        return Extent()
    return _extent(declared + 8, size)


def _matroska(stream: BinaryIO, size: int) -> Extent:
    """Reads the EBML header and the segment after it, RFC 8794 sections 4 and 5."""
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
    return _extent(segment, size - stream.tell())


def _ebml_size(stream: BinaryIO) -> int | None:
    """Reads a variable-length size; None where it is unknown or missing."""
    first = stream.read(1)
    if not first or first == b"\0":
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(first + stream.read(more), "big") & ((1 << 7 * (more + 1)) - 1)
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _ogg(stream: BinaryIO, size: int) -> Extent:
    """Follows the chain of pages, RFC 3533 section 6, and counts bytes that belong to no page."""
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
    """Returns the checksum of a page: CRC-32 with the bits of each byte in reverse order."""
    blanked = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(blanked.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED)


def _next_page(stream: BinaryIO, at: int, size: int) -> int | None:
    """Returns where the next page begins, after bytes that belong to no page; None without one."""
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
