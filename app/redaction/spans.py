"""The words that are masked, and what they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from app.contract.answers import Word
from app.contract.redaction import RedactKind

BREAK_SECONDS = 3.0
"""Silence, or a change of the speaker, that ends a number or an address."""


class Label(Enum):
    """What is masked: its kind, and the label that is written for it, by language."""

    FODSELSNUMMER = ("national-id", {"da": "fødselsnummer", "nb": "fødselsnummer"})
    CPR = ("national-id", {"da": "cpr-nummer", "nb": "cpr-nummer"})
    CARD = ("card", {"da": "kortnummer", "nb": "kortnummer"})
    PHONE = ("phone", {"da": "telefonnummer", "nb": "telefonnummer"})
    EMAIL = ("email", {"da": "e-mailadresse", "nb": "e-postadresse"})
    NAME = ("names", {"da": "navn", "nb": "navn", "nn": "namn"})

    def __init__(self, kind: RedactKind, texts: dict[str, str]) -> None:
        self.kind = kind
        self._texts = texts

    def text(self, language: str) -> str:
        """Returns the label of a language, such as `[fødselsnummer]`; one word."""
        return f"[{self._texts.get(language, self._texts['nb'])}]"


@dataclass(frozen=True, slots=True)
class Span:
    """The words from index `start` up to `end`, the latter left out."""

    start: int
    end: int
    label: Label


def breaks_between(before: Word, after: Word) -> bool:
    """Returns whether what is said before one word cannot continue with it."""
    return before.speaker != after.speaker or after.start - before.end > BREAK_SECONDS


def join(spans: Iterable[Span]) -> list[Span]:
    """Returns spans in order; those that overlap are one, with the label of the longest."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        last = joined[-1] if joined else None
        if last is None or span.start >= last.end:
            joined.append(span)
            continue
        longest = max(last, span, key=lambda item: item.end - item.start)
        joined[-1] = Span(last.start, max(last.end, span.end), longest.label)
    return joined
