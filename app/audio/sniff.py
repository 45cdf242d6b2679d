"""Which container some bytes are, by their content: names and declared types are not looked at.

The beginning of a stream flows in; a `Container` flows out, or an error that says what the bytes
look like and what is accepted.
"""

import os
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from app.audio.mpeg import find_frames, xing_seconds
from app.audio.refuse import describe_stranger
from app.errors import AudioError, UnsupportedAudioError


class Container(Enum):
    """An accepted container; the value is its name for people."""

    WAV = "WAV"
    RF64 = "RF64"
    W64 = "Wave64"
    AIFF = "AIFF"
    AU = "AU"
    CAF = "CAF"
    NIST = "NIST SPHERE"
    FLAC = "FLAC"
    OGG = "Ogg"
    MP3 = "MP3"
    MP4 = "MP4 or M4A"
    MATROSKA = "WebM or Matroska"
    ADTS = "AAC"
    MPEG_TS = "MPEG transport stream"
    MPEG_PS = "MPEG program stream"
    AVI = "AVI"
    ASF = "WMA or ASF"
    AMR = "AMR"
    FLV = "FLV"


ACCEPTED = ", ".join(container.value for container in Container)

_HEAD_BYTES = 65_536
_MAGIC = (
    (0, b"fLaC", Container.FLAC),
    (0, b"OggS", Container.OGG),
    (0, b"RF64", Container.RF64),
    (0, b"BW64", Container.RF64),
    (0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", Container.W64),
    (0, b".snd", Container.AU),
    (0, b"caff\x00", Container.CAF),
    (0, b"NIST_1A\n", Container.NIST),
    (0, b"\x1a\x45\xdf\xa3", Container.MATROSKA),
    (0, b"\x00\x00\x01\xba", Container.MPEG_PS),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container.ASF),
    (0, b"#!AMR\n", Container.AMR),
    (0, b"#!AMR-WB\n", Container.AMR),
    (0, b"FLV\x01", Container.FLV),
    (4, b"ftyp", Container.MP4),
    (4, b"moov", Container.MP4),
    (4, b"mdat", Container.MP4),
    (4, b"wide", Container.MP4),
    (4, b"free", Container.MP4),
)
# RIFF and IFF files say at offset 8 what they hold.
_FORMS = {
    (b"RIFF", b"WAVE"): Container.WAV,
    (b"RIFF", b"AVI "): Container.AVI,
    (b"FORM", b"AIFF"): Container.AIFF,
    (b"FORM", b"AIFC"): Container.AIFF,
}
_STILL_IMAGES = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"crx "}
_ID3_BYTES = 10
_MOST_ID3_TAGS = 8
# Plain transport stream packets, and those of Blu-ray with four bytes of time code before each.
_TS_LAYOUTS = ((0, 188), (4, 192))


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a stream is.

    Attributes:
        container: the container.
        size: bytes in the whole stream.
        seconds: the duration that the header of an MP3 declares; None for all else.
    """

    container: Container
    size: int
    seconds: float | None = None


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
    start = _skip_id3(stream)
    stream.seek(start)
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if not head:
        raise AudioError("The audio holds nothing but an ID3 tag.")
    container = _by_magic(head)
    if container is not None:
        return Sniffed(container, size)
    found = find_frames(head)
    if found is not None:
        at, header = found
        if header.adts:
            return Sniffed(Container.ADTS, size)
        return Sniffed(Container.MP3, size, xing_seconds(head, at, header))
    raise UnsupportedAudioError(
        f"The audio cannot be read: it is {describe_stranger(head)}. Accepted are {ACCEPTED}, "
        "and raw PCM with a declared rate."
    )


def _by_magic(head: bytes) -> Container | None:
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_IMAGES:
        return None
    for offset, magic, container in _MAGIC:
        if head.startswith(magic, offset):
            return container
    form = _FORMS.get((head[:4], head[8:12]))
    if form is not None:
        return form
    for offset, packet in _TS_LAYOUTS:
        if head[offset : offset + 2 * packet + 1 : packet] == b"GGG":
            return Container.MPEG_TS
    return None


def _skip_id3(stream: BinaryIO) -> int:
    """Where the first byte behind all leading ID3v2 tags is."""
    position = 0
    for _ in range(_MOST_ID3_TAGS):
        stream.seek(position)
        tag = stream.read(_ID3_BYTES)
        if len(tag) < _ID3_BYTES or tag[:3] != b"ID3" or any(byte & 0x80 for byte in tag[6:10]):
            break
        size = tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]
        footer = _ID3_BYTES if tag[5] & 0x10 else 0
        position += _ID3_BYTES + size + footer
    return position
