"""Emits the text of consecutive words, each part as soon as it is final.

Formatted text is final sentence by sentence: how a sentence is written depends on nothing after it.
The parts, joined, are the whole text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.contract.answers import Word
from app.itn import FormattingOptions, finished_words, format_transcript
from app.redaction import GrowingMask

MAX_SENTENCE_SECONDS = 60.0
"""Speech without a pause that ends a sentence is kept back at most this long."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next part of a text."""

    text: str
    """Starts with a space, except in the first part."""
    words: tuple[Word, ...]
    """Its words as they are written."""


TextListener: TypeAlias = Callable[[TextDelta], None]
"""Called on the event loop with each further part of a text."""


class GrowingText:
    """A text that grows by words, and is passed on as soon as it is final.

    Args:
        language: of the text.
        formatting: how to format it; None leaves it word for word.
        on_text: called with each part that is not empty.
        mask: of what may not be read; None for none.
    """

    def __init__(
        self,
        language: str,
        formatting: FormattingOptions | None,
        on_text: TextListener,
        *,
        mask: GrowingMask | None = None,
    ) -> None:
        self._language = language
        self._mask = mask
        self._formatting = formatting
        self._on_text = on_text
        self._open: list[Word] = []
        self._spoken: list[Word] = []
        self._written: list[Word] = []

    @property
    def spoken(self) -> tuple[Word, ...]:
        """All spoken words, masked, as far as they are final."""
        return tuple(self._spoken)

    @property
    def written(self) -> tuple[Word, ...]:
        """All words as they are written, as far as they are final."""
        return tuple(self._written)

    def add(self, words: Sequence[Word], *, quiet_until: float) -> None:
        """Adds words, after which there is silence until `quiet_until`, in seconds."""
        if self._mask is not None:
            words = self._mask.add(words)
            quiet_until = next((word.start for word in self._mask.held), quiet_until)
        self._spoken += words
        self._open += words
        if self._formatting is None:
            self._emit(len(self._open))
            return
        final = finished_words(self._open, self._language, self._formatting, next_start=quiet_until)
        self._emit(final or _overdue(self._open))

    def finish(self) -> None:
        """Emits what is left; there are no more words."""
        if self._mask is not None:
            words = self._mask.finish()
            self._spoken += words
            self._open += words
        self._emit(len(self._open))

    def _emit(self, final: int) -> None:
        words, self._open = self._open[:final], self._open[final:]
        written: Sequence[Word] = words
        if self._formatting is not None:
            written = format_transcript(words, self._language, self._formatting).words
        if not written:
            return
        text = " ".join(word.word for word in written)
        text = f" {text}" if self._written else text
        self._written += written
        self._on_text(TextDelta(text, tuple(written)))


def _overdue(words: Sequence[Word]) -> int:
    """Returns how many words of an overlong sentence to emit: up to its longest late pause."""
    if not words or words[-1].end - words[0].start <= MAX_SENTENCE_SECONDS:
        return 0
    half = (words[0].start + words[-1].end) / 2
    late = [i for i in range(1, len(words)) if words[i].start >= half] or [len(words) - 1]
    return max(late, key=lambda i: words[i].start - words[i - 1].end)
