"""Which container some bytes are, by their content: names and declared types are not looked at.

The beginning of a stream flows in; a `Container` flows out, or an error that says what the bytes
look like and what is accepted.
"""

import os
from dataclasses import dataclass
from typing import BinaryIO

from app.audio.formats import ACCEPTED, Container, by_magic
from app.audio.frames import by_frames
from app.audio.mpeg import find_frames, xing_seconds
from app.audio.refuse import describe_stranger
from app.errors import AudioError, UnsupportedAudioError

__all__ = ["ACCEPTED", "Container", "Sniffed", "sniff"]

_HEAD_BYTES = 65_536
_ID3_BYTES = 10
_MAX_ID3_TAGS = 8
# Taggers leave kilobytes of zeros behind a tag; no writer leaves more than this.
_MAX_ZEROS = 1 << 20
# The box lengths of an MP4 and the start codes of MPEG begin with zeros.
_HEADER_ZEROS = 4
# These have a tag in front by rule, so that it is worth no notice.
_TAGGED_AS_A_RULE = {
    Container.MP3,
    Container.ADTS,
    Container.FLAC,
    Container.TTA,
    Container.APE,
    Container.WAVPACK,
    Container.MUSEPACK_7,
    Container.MUSEPACK_8,
    Container.TAK,
    Container.AC3,
    Container.DTS,
}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a stream is.

    Attributes:
        container: the container.
        size: bytes in the whole stream.
        seconds: the duration that the header of an MP3 declares; None for all else.
        start: offset of the container's first byte: what is before it is padding or a tag.
        padding: how many of the bytes before it have no business there.
    """

    container: Container
    size: int
    seconds: float | None = None
    start: int = 0
    padding: int = 0


def sniff(stream: BinaryIO) -> Sniffed:
    """Find out what a seekable stream holds, from its first bytes.

    Args:
        stream: read from its very beginning, and left there.

    Raises:
        AudioError: it is empty, or nothing follows its ID3 tag.
        UnsupportedAudioError: it is in no accepted container.
    """
    size = stream.seek(0, os.SEEK_END)
    if size == 0:
        raise AudioError("The audio is empty: it has no bytes at all.")
    tagged = _skip_id3(stream)
    start = _skip_zeros(stream, tagged)
    stream.seek(start)
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if not head:
        if start > tagged or not tagged:
            raise UnsupportedAudioError(
                "The audio cannot be read: it is binary data in no known audio format, all "
                f"zeros. Accepted are {ACCEPTED}, and raw PCM with a declared rate."
            )
        raise AudioError("The audio holds nothing but an ID3 tag.")
    # Some headers begin with zeros of their own.
    for leading in range(min(start - tagged, _HEADER_ZEROS) + 1):
        container = by_magic(bytes(leading) + head)
        if container is not None:
            return _sniffed(container, size, None, tagged, start - leading)
    container = by_frames(head)
    if container is not None:
        return _sniffed(container, size, None, tagged, start)
    found = find_frames(head)
    if found is not None:
        at, header = found
        container = Container.ADTS if header.adts else Container.MP3
        seconds = None if header.adts else xing_seconds(head, at, header)
        return _sniffed(container, size, seconds, tagged, start)
    raise UnsupportedAudioError(
        "The audio cannot be read: it is "
        f"{describe_stranger(bytes(min(start - tagged, _HEADER_ZEROS)) + head)}. Accepted are "
        f"{ACCEPTED}, and raw PCM with a declared rate."
    )


def _sniffed(
    container: Container, size: int, seconds: float | None, tagged: int, start: int
) -> Sniffed:
    ordinary = start == tagged and (not tagged or container in _TAGGED_AS_A_RULE)
    return Sniffed(container, size, seconds, start, 0 if ordinary else start)


def _skip_zeros(stream: BinaryIO, position: int) -> int:
    """Where the first byte that is not zero is, or `position` where there are too many."""
    stream.seek(position)
    skipped = 0
    while skipped < _MAX_ZEROS and (data := stream.read(_HEAD_BYTES)):
        rest = data.lstrip(b"\0")
        skipped += len(data) - len(rest)
        if rest:
            return position + skipped
    return position + skipped


def _skip_id3(stream: BinaryIO) -> int:
    """Where the first byte behind all leading ID3v2 tags is."""
    position = 0
    for _ in range(_MAX_ID3_TAGS):
        stream.seek(position)
        tag = stream.read(_ID3_BYTES)
        if len(tag) < _ID3_BYTES or tag[:3] != b"ID3" or any(byte & 0x80 for byte in tag[6:10]):
            break
        size = tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]
        footer = _ID3_BYTES if tag[5] & 0x10 else 0
        position += _ID3_BYTES + size + footer
    return position
