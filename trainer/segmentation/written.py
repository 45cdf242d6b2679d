"""Normalises the paragraphs of a transcript to the words that a model is trained to write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.text import normalise
from trainer.text.written_out import write_out


@dataclass(frozen=True, slots=True)
class Changed:
    """A paragraph of which rules wrote parts out, and how often each did."""

    before: str
    after: str
    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Written:
    """The words of a transcript, and the paragraphs in which digits or signs were written out."""

    words: tuple[str, ...]
    changed: tuple[Changed, ...]


def normalise_transcript(paragraphs: Sequence[str], language: str) -> Written:
    """Returns the words of a transcript.

    Args:
        paragraphs: as written.
        language: for numbers and abbreviations.
    """
    words: list[str] = []
    changed: list[Changed] = []
    for paragraph in paragraphs:
        written = write_out(paragraph, language)
        text = normalise(written.text)
        words += [word for word in text.split() if any(char.isalnum() for char in word)]
        if written.rules:
            changed.append(Changed(paragraph, text, written.rules))
    return Written(tuple(words), tuple(changed))
