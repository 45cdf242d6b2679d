"""Reads the text of PDFs, by the package of the extra `pdf`."""

import io
from pathlib import Path

from app.errors import ConfigurationError
from app.extras import install_hint
from trainer.documents.encodings import read_bytes
from trainer.documents.paragraphs import unwrap
from trainer.errors import DataError


def pdf_paragraphs(file: Path) -> list[str]:
    """Returns the paragraphs of a PDF.

    Raises:
        DataError: the file cannot be read, is none, is encrypted, or has no text, as scans have.
        ConfigurationError: the package that reads them is not installed.
    """
    data = read_bytes(file)
    try:
        from pypdf import PdfReader  # noqa: PLC0415 - an extra
        from pypdf.errors import PyPdfError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = install_hint(error, preferred="pdf")
        raise ConfigurationError(hint or str(error)) from None
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError(f"{file} is encrypted: save it without a password")
        pages = [page.extract_text() for page in reader.pages]
    # What is broken in a PDF can raise nearly anything.
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{file} is no PDF that can be read: {error}") from error
    if not any(page.strip() for page in pages):
        raise DataError(
            f"{file} has {len(pages)} pages and no text on them, as scanned paper has: make its "
            "text by OCR first"
        )
    return unwrap("\n\n".join(pages))
