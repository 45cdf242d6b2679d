"""Reads the paragraphs of documents, by the suffixes of their names."""

from collections.abc import Callable, Mapping
from pathlib import Path
from unicodedata import normalize

from trainer.documents.encodings import read_text
from trainer.documents.markdown import markdown_paragraphs
from trainer.documents.paragraphs import unwrap
from trainer.documents.passages import read_passages, subtitle_paragraphs
from trainer.documents.pdf import pdf_paragraphs
from trainer.documents.word import word_paragraphs
from trainer.errors import DataError

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"})


def read_document(file: Path) -> list[str]:
    """Returns the paragraphs of a document, each with its words in one line.

    Raises:
        DataError: the file cannot be read, or its format is none of `DOCUMENTS`.
        ConfigurationError: it is a PDF, and the package that reads them is not installed.
    """
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise DataError(
            f"{file}: the format {file.suffix or 'without a suffix'} is not read; accepted: "
            f"{', '.join(_READERS)}"
        )
    # PDFs have accents apart from their letters, and letters joined.
    composed = [normalize("NFC", text).translate(_LIGATURES) for text in reader(file)]
    return [" ".join(text.split()) for text in composed if text.strip()]


def is_document(file: Path) -> bool:
    """Returns whether a file has the suffix of a format that is read."""
    return file.suffix.lower() in _READERS


def _plain(file: Path) -> list[str]:
    text = read_text(file)
    # Without a capital it is text for a language model already, a sentence a line.
    return text.splitlines() if text == text.lower() else unwrap(text)


_READERS: Mapping[str, Callable[[Path], list[str]]] = {
    ".txt": _plain,
    ".md": lambda file: markdown_paragraphs(read_text(file)),
    ".docx": word_paragraphs,
    ".pdf": pdf_paragraphs,
    ".srt": subtitle_paragraphs,
    ".vtt": subtitle_paragraphs,
    ".json": lambda file: [passage.text for passage in read_passages(file)],
}

DOCUMENTS = tuple(_READERS)
"""The suffixes that are read."""
