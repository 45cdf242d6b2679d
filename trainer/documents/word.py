"""Reads the text of Word documents (.docx, ECMA-376)."""

import io
import zlib
from pathlib import Path
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from trainer.documents.encodings import read_bytes
from trainer.errors import DataError

_MAX_XML_BYTES = 500_000_000
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


def word_paragraphs(file: Path) -> list[str]:
    """Returns the paragraphs and cells of tables of a Word document, without what was deleted.

    Raises:
        DataError: the file cannot be read, or is none.
    """
    data = read_bytes(file)
    if data.startswith(_OLD_OFFICE):
        raise DataError(f"{file} is in a format of Word before 2007: save it as .docx")
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            entry = archive.getinfo("word/document.xml")
            if entry.file_size > _MAX_XML_BYTES:
                raise DataError(f"{file} is too large: {entry.file_size} bytes of text")
            # The amplification of entities is bounded by expat itself.
            root = ElementTree.fromstring(archive.read(entry))  # noqa: S314
    except (BadZipFile, KeyError, ElementTree.ParseError, zlib.error, ValueError, OSError) as error:
        raise DataError(f"{file} is no document of Word: {error}") from error
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
