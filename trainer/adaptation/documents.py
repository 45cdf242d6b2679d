"""Reads the text of documents: plain text, Markdown, Word, PDF, subtitles, the service's JSON."""

import io
import json
import re
import zlib
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from unicodedata import normalize
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from app.errors import ConfigurationError
from app.extras import install_hint
from trainer.errors import LanguageModelError
from trainer.text_files import decode_text

_MAX_XML_BYTES = 500_000_000
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PDF_HEAD = b"%PDF-"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"})

# A line so short is a heading or an entry of a list, and not one that was cut at the margin.
_MIN_WIDTH = 40
_ENDED = re.compile(r"[.!?:;…][\"'”»)\]]*$")
_CUT_WORD = re.compile(r"(?<=[^\W\d_])[-\u00ad]$")
_LINKED = ("og", "eller", "samt", "og/eller")

_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^()]*\)|\[[^\]]*\])?")
_LINK = re.compile(r"\[([^\]]+)\](?:\([^()]*\)|\[[^\]]*\])")
_DEFINITION = re.compile(r"^[ \t]*\[[^\]]+\]:.*$", re.MULTILINE)
_BLOCK_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+|\d{1,9}[.)][ \t]+)+")
_RULE = re.compile(r"^[ \t|:=*_-]+$")
_EMPHASIS = re.compile(r"(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"<?\b(?:https?://|www\.)\S+|\S+@\S+\.\w+", re.IGNORECASE)

_CUE_TIME = re.compile(r"^\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->")
_CUE_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>|</>")
_STYLE_TAG = re.compile(r"\{\\[^}]*\}")
_DASH = re.compile(r"^[-–—]\s*")


def read_document(path: Path) -> list[str]:
    """Returns the paragraphs of a document, each with its words in one line.

    Raises:
        LanguageModelError: the file cannot be read, or its format is none that is accepted.
        ConfigurationError: it is a PDF, and the package that reads them is not installed.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise LanguageModelError(
            f"{path}: the format {path.suffix or 'without a suffix'} is not read; accepted: "
            f"{', '.join(_READERS)}"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LanguageModelError(f"{path} cannot be read: {error.strerror}") from error
    _check_kind(path, data)
    # PDFs have accents apart from their letters, and letters joined.
    composed = [normalize("NFC", text).translate(_LIGATURES) for text in reader(path, data)]
    return [paragraph for paragraph in composed if paragraph.strip()]


def is_document(path: Path) -> bool:
    """Returns whether a file has the suffix of a format that is read."""
    return path.suffix.lower() in _READERS


def _check_kind(path: Path, data: bytes) -> None:
    """Refuses what is certainly something else than its name says."""
    suffix = path.suffix.lower()
    if data.startswith(_OLD_OFFICE):
        raise LanguageModelError(f"{path} is in a format of Word before 2007: save it as .docx")
    if suffix not in {".pdf", ".docx"} and (data.startswith(_PDF_HEAD) or b"\0" in _sample(data)):
        raise LanguageModelError(f"{path} is no text, whatever its name says")


def _sample(data: bytes) -> bytes:
    """Returns the beginning of a file in an encoding in which text has no zero bytes."""
    return b"" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else data[:65536]


def _plain(_: Path, data: bytes) -> list[str]:
    text = decode_text(data)
    # Without a capital it is text for a language model already, a sentence a line.
    return text.splitlines() if text == text.lower() else unwrap(text)


def unwrap(text: str) -> list[str]:
    """Returns the paragraphs of text whose lines may be cut at a margin.

    A line is continued by the next one where it does not end a sentence and the next one begins
    with a small letter, or its first word would not have fitted. A word that is cut by a hyphen is
    joined, unless a word such as `og` follows.
    """
    paragraphs: list[str] = []
    for block in re.split(r"\n[ \t]*\n|\f", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = [" ".join(line.split()) for line in block.split("\n")]
        width = max(map(len, lines), default=0)
        joined = last = ""
        for line in filter(None, lines):
            if not joined:
                joined = last = line
            elif not _continues(last, line, width):
                paragraphs.append(joined)
                joined = last = line
            else:
                joined, last = _join(joined, line), line
        paragraphs.append(joined)
    return paragraphs


def _continues(line: str, following: str, width: int) -> bool:
    first = following.split(maxsplit=1)[0]
    if _ENDED.search(line):
        # A sentence that ends where the line does; the next one may be of the same paragraph.
        return False
    fits = len(line) + 1 + len(first) <= width
    return following[0].islower() or (width >= _MIN_WIDTH and not fits)


def _join(joined: str, line: str) -> str:
    first = line.split(maxsplit=1)[0].lower()
    if _CUT_WORD.search(joined) and line[0].islower() and first not in _LINKED:
        return joined[:-1] + line
    return f"{joined} {line}"


def _markdown(_: Path, data: bytes) -> list[str]:
    text = _FRONT_MATTER.sub("", decode_text(data).replace("\r\n", "\n"))
    text = _DEFINITION.sub("", _COMMENT.sub("", _FENCE.sub("", text)))
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    lines = []
    for line in text.split("\n"):
        stripped = _BLOCK_MARK.sub("", line)
        # Headings, entries of lists and cells of tables are texts of their own.
        if stripped != line:
            lines.append("")
        if "|" in stripped:
            cells = [] if _RULE.match(line) else stripped.strip().strip("|").split("|")
            lines += [part for cell in cells for part in (_inline(cell), "")]
        elif not _RULE.match(line):
            lines.append(_inline(stripped))
        else:
            lines.append("")
        if line.lstrip().startswith("#"):
            lines.append("")
    return unwrap("\n".join(lines))


def _inline(text: str) -> str:
    text = _ADDRESS.sub(" ", text)
    text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", _TAG.sub("", text)))
    return unescape(_ESCAPED.sub(r"\1", text)).replace("\n", " ")


def _docx(path: Path, data: bytes) -> list[str]:
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            entry = archive.getinfo("word/document.xml")
            if entry.file_size > _MAX_XML_BYTES:
                raise LanguageModelError(f"{path} is too large: {entry.file_size} bytes of text")
            # The amplification of entities is bounded by expat itself.
            root = ElementTree.fromstring(archive.read(entry))  # noqa: S314
    except (BadZipFile, KeyError, ElementTree.ParseError, zlib.error, ValueError, OSError) as error:
        raise LanguageModelError(f"{path} is no document of Word: {error}") from error
    paragraphs = []
    for paragraph in root.iter(f"{_WORD}p"):
        pieces = []
        for element in paragraph.iter():
            if element.tag == f"{_WORD}t":
                pieces.append(element.text or "")
            elif element.tag in {f"{_WORD}tab", f"{_WORD}br", f"{_WORD}cr"}:
                pieces.append(" ")
        paragraphs.append("".join(pieces))
    return paragraphs


def _pdf(path: Path, data: bytes) -> list[str]:
    try:
        from pypdf import PdfReader  # noqa: PLC0415 - an extra
        from pypdf.errors import PyPdfError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = install_hint(error, preferred="pdf")
        raise ConfigurationError(hint or str(error)) from None
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise LanguageModelError(f"{path} is encrypted: save it without a password")
        pages = [page.extract_text() for page in reader.pages]
    # What is broken in a PDF can raise nearly anything.
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise LanguageModelError(f"{path} is no PDF that can be read: {error}") from error
    if not any(page.strip() for page in pages):
        raise LanguageModelError(
            f"{path} has {len(pages)} pages and no text on them, as scanned paper has: make its "
            "text by OCR first"
        )
    return unwrap("\n\n".join(pages))


def _subtitles(_: Path, data: bytes) -> list[str]:
    """Returns the text of cues; that of a sentence over several cues is one paragraph."""
    paragraphs: list[str] = []
    for block in re.split(
        r"\n[ \t]*\n", decode_text(data).replace("\r\n", "\n").replace("\r", "\n")
    ):
        lines = block.split("\n")
        times = [at for at, line in enumerate(lines) if _CUE_TIME.match(line)]
        # Without a time it is a heading, a note or a style.
        for line in lines[times[0] + 1 :] if times else []:
            bare = _STYLE_TAG.sub("", _CUE_TAG.sub("", line))
            spoken = _DASH.sub("", " ".join(unescape(bare).split()))
            if not spoken:
                continue
            if paragraphs and spoken[0].islower() and not _ENDED.search(paragraphs[-1]):
                paragraphs[-1] = _join(paragraphs[-1], spoken)
            else:
                paragraphs.append(spoken)
    return paragraphs


def _transcript(path: Path, data: bytes) -> list[str]:
    """Returns the segments of the service's JSON, or the text where there are none."""
    try:
        found = json.loads(decode_text(data))
    except ValueError as error:
        raise LanguageModelError(f"{path} is no JSON: {error}") from error
    texts = [text for item in found if (text := _text_of(item))] if isinstance(found, list) else []
    if isinstance(found, dict):
        segments = found.get("segments")
        if isinstance(segments, list):
            texts = [text for item in segments if (text := _text_of(item))]
        if not texts and (text := _text_of(found)):
            texts = [text]
    if not texts:
        raise LanguageModelError(
            f"{path} holds no text; accepted is JSON as the service writes it: an object with "
            "`text`, or with `segments` that have it"
        )
    return texts


def _text_of(item: Any) -> str:  # noqa: ANN401 - whatever a file holds
    text = item.get("text") if isinstance(item, dict) else None
    return text if isinstance(text, str) else ""


_READERS: Mapping[str, Callable[[Path, bytes], list[str]]] = {
    ".txt": _plain,
    ".md": _markdown,
    ".docx": _docx,
    ".pdf": _pdf,
    ".srt": _subtitles,
    ".vtt": _subtitles,
    ".json": _transcript,
}
