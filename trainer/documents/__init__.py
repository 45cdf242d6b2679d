"""The text of documents and transcripts: plain, Markdown, Word, PDF, subtitles, JSON."""

from trainer.documents.encodings import read_text
from trainer.documents.passages import Passage, read_passages
from trainer.documents.reading import DOCUMENTS, is_document, read_document

__all__ = [
    "DOCUMENTS",
    "Passage",
    "is_document",
    "read_document",
    "read_passages",
    "read_text",
]
