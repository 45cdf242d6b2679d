"""Names for bytes that are no audio, so that a refusal can say what was sent.

The beginning of a stream flows in, a phrase such as "a PDF document" flows out.
"""

import re
import string

_MAGIC = (
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
_TEXTS = (
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


def describe_stranger(head: bytes) -> str:
    """What bytes that are no accepted audio look like, as a phrase with its article."""
    for magic, phrase in _MAGIC:
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
    for pattern, phrase in _TEXTS:
        if re.match(pattern, text.lstrip("\ufeff \t\r\n"), re.IGNORECASE):
            return phrase
    return "text"


def _as_text(head: bytes) -> str | None:
    encoding = "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        # The cut at the end of what is examined may split a character.
        if error.start < len(head) - 4 or not error.start:
            return None
        text = head[: error.start].decode(encoding)
    return None if _CONTROLS & set(text) else text
