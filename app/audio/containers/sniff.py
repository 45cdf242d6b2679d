"""Recognises the container of a stream by its first bytes; names and media types are ignored.

For a stream in no accepted container, the error names what it looks like and what is accepted.
"""

import os
import re
import string
from dataclasses import dataclass
from typing import BinaryIO

from app.audio.containers.elementary_streams import by_frames, find_frames, xing_seconds
from app.audio.containers.formats import ACCEPTED, Container, by_magic
from app.errors import AudioError, UnsupportedAudioError

_HEAD_BYTES = 65_536
_ID3_BYTES = 10
_MAX_ID3_TAGS = 8
# Tagging programs leave kilobytes of zeros after a tag; none leaves more than this.
_MAX_ZEROS = 1 << 20
# The box lengths of an MP4 and the start codes of MPEG begin with zeros.
_HEADER_ZEROS = 4
# In these a tag in front is usual, so it causes no warning.
_USUALLY_TAGGED = {
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
_OTHER_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xfd7zXZ\x00", "an XZ archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"MThd", "a MIDI score, which holds no sound"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x01ds2", "a DS2 dictation, for which there is no free decoder; export it as WAV"),
    (b"\x03ds2", "a DS2 dictation, for which there is no free decoder; export it as WAV"),
    (b"\x03enc", "an encrypted dictation (DSS or DS2); export it as WAV"),
    (b"\x01enc", "an encrypted dictation (DSS or DS2); export it as WAV"),
    (b"OFR ", "OptimFROG, for which there is no free decoder"),
    (b"LA02", "Lossless Audio (LA), for which there is no free decoder"),
    (b"LA03", "Lossless Audio (LA), for which there is no free decoder"),
    (b"LA04", "Lossless Audio (LA), for which there is no free decoder"),
    (b"MS_VOICE", "a Sony voice file (DVF or MSV), for which there is no free decoder"),
    (b"\xc0\xde\xc2", "Codec 2, whose decoder is not included"),
    (b"\x1c\xcc", "LC3, whose decoder is not included"),
    (b"#!SILK_V3", "a SILK voice message, whose decoder is not included"),
    (b"\x02#!SILK_V3", "a SILK voice message, whose decoder is not included"),
    (b"\xac\x40", "AC-4, for which there is no free decoder"),
    (b"\xac\x41", "AC-4, for which there is no free decoder"),
    (b"Extended Module: ", "a tracker module, which is a score with samples"),
    (b"NSVf", "an NSV video, which takes too long to search"),
    (b"NSVs", "an NSV video, which takes too long to search"),
    (b"IMPM", "a tracker module, which is a score with samples"),
    (b"{\\rtf", "an RTF document"),
)
_OTHER_TEXTS = (
    (r"<!doctype html|<html", "an HTML page"),
    (r"<svg", "an SVG image"),
    (r"<\?xml|<[a-z]+[ >]", "an XML document"),
    (r"#extm3u|\[playlist\]", "a playlist, which names audio but holds none"),
    (r"ffconcat|v=0\r?\no=", "a list of other files, which holds no audio"),
    (r"webvtt|1\r?\n\d\d:\d\d", "a subtitle file"),
    (r"data:[a-z]*/?[^,]*base64,", "a base64 data URL; send the bytes themselves"),
    (r"--\S+\r?\ncontent-", "a multipart form; send it as multipart/form-data"),
    (r"[{\[]\s*[\"{\[\]}\d]", "JSON"),
    (r"[a-z0-9+/]{60,76}(\r?\n|$|[a-z0-9+/])", "base64 text; send the bytes themselves"),
)
_EXAMINED = 4_096
_CONTROLS = {chr(code) for code in range(32)} - set(string.whitespace)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """The container of a stream.

    Attributes:
        container: which.
        size: bytes in the whole stream.
        seconds: the duration that the header of an MP3 declares; None for other containers.
        start: offset of the container's first byte; padding or a tag comes before it.
        padding: how many of the bytes before it do not belong there.
    """

    container: Container
    size: int
    seconds: float | None = None
    start: int = 0
    padding: int = 0


def sniff(stream: BinaryIO) -> Sniffed:
    """Recognises the container of a seekable stream.

    Args:
        stream: read from its beginning, and left there.

    Raises:
        AudioError: the stream is empty, or nothing follows its ID3 tag.
        UnsupportedAudioError: the container is not accepted.
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
        f"{_describe(bytes(min(start - tagged, _HEADER_ZEROS)) + head)}. Accepted are "
        f"{ACCEPTED}, and raw PCM with a declared rate."
    )


def _sniffed(
    container: Container, size: int, seconds: float | None, tagged: int, start: int
) -> Sniffed:
    ordinary = start == tagged and (not tagged or container in _USUALLY_TAGGED)
    return Sniffed(container, size, seconds, start, 0 if ordinary else start)


def _skip_zeros(stream: BinaryIO, position: int) -> int:
    """Returns the offset of the first byte that is not zero, or where the search stopped."""
    stream.seek(position)
    skipped = 0
    while skipped < _MAX_ZEROS and (data := stream.read(_HEAD_BYTES)):
        rest = data.lstrip(b"\0")
        skipped += len(data) - len(rest)
        if rest:
            return position + skipped
    return position + skipped


def _skip_id3(stream: BinaryIO) -> int:
    """Returns the offset of the first byte after all leading ID3v2 tags."""
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


def _describe(head: bytes) -> str:
    """Returns what unaccepted bytes look like, as a phrase such as "a PDF document"."""
    for magic, phrase in _OTHER_MAGIC:
        if head.startswith(magic):
            return phrase
    if head[:4] == b"RIFF":
        return "a WebP image" if head[8:12] == b"WEBP" else "a RIFF file that is not WAV or AVI"
    if head[4:8] in {b"ftyp", b"\x57\x90\x75\x36"}:
        locked = head[4:8] != b"ftyp" or head[8:12] in {b"aax ", b"aaxc"}
        return "an Audible book, which is encrypted" if locked else "a still image (HEIF or AVIF)"
    text = _as_text(head[:_EXAMINED])
    if text is None:
        return "binary data in no known audio format"
    for pattern, phrase in _OTHER_TEXTS:
        if re.match(pattern, text.lstrip("\ufeff \t\r\n"), re.IGNORECASE):
            return phrase
    return "text"


def _as_text(head: bytes) -> str | None:
    encoding = "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        # The end of the examined bytes may split a character.
        if error.start < len(head) - 4 or not error.start:
            return None
        text = head[: error.start].decode(encoding)
    return None if _CONTROLS & set(text) else text
