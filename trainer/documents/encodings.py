"""Reads text files in the encodings that people's programs write."""

import codecs
from pathlib import Path

from trainer.errors import DataError

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PDF = b"%PDF-"


def read_bytes(file: Path) -> bytes:
    """Returns the content of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error


def read_text(file: Path) -> str:
    """Returns the text of a file in UTF-8 or UTF-16 with a byte order mark, UTF-8 or Latin-1.

    What is not UTF-8 is read as Windows-1252, which has the letters of Latin-1.

    Raises:
        DataError: the file cannot be read, or is no text.
    """
    data = read_bytes(file)
    if data.startswith(_PDF):
        raise DataError(f"{file} is no text: it is a PDF")
    if data.startswith(_UTF_16):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise DataError(f"{file} is no text: it holds zero bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
