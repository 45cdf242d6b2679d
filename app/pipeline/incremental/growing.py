"""Words in, in order; the text they make out, each part of it as soon as it is final.

Readable text is final sentence by sentence: what is written of a sentence depends on nothing
after it. The parts, joined, are the text of the whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.itn import FormattingOptions, finished_words, format_transcript
from app.transcript import Word

LONGEST_SENTENCE_SECONDS = 60.0
"""Speech without a pause that ends a sentence is not kept back for longer than this."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """What a text has more than it had; `text` starts with a space where one parts it from that.

    `words` are its words as they are written.
    """

    text: str
    words: tuple[Word, ...]


TextListener: TypeAlias = Callable[[TextDelta], None]
"""EventQueue on the event loop what more is known of a text."""


class GrowingText:
    """A text as far as it is known.

    Args:
        language: of the text.
        readable: how to make it readable; None leaves it word for word.
        on_text: told of each part, never of an empty one.
    """

    def __init__(
        self, language: str, readable: FormattingOptions | None, on_text: TextListener
    ) -> None:
        self._language = language
        self._readable = readable
        self._on_text = on_text
        self._open: list[Word] = []
        self._spoken: list[Word] = []
        self._written: list[Word] = []

    @property
    def spoken(self) -> tuple[Word, ...]:
        """All words that were said."""
        return tuple(self._spoken)

    @property
    def written(self) -> tuple[Word, ...]:
        """All words as they are written, as far as they are final."""
        return tuple(self._written)

    def add(self, words: Sequence[Word], *, quiet_until: float) -> None:
        """Take more words, after which nothing is said until `quiet_until`, in seconds."""
        self._spoken += words
        self._open += words
        if self._readable is None:
            self._tell(len(self._open))
            return
        final = finished_words(self._open, self._language, self._readable, next_start=quiet_until)
        self._tell(final or _overdue(self._open))

    def finish(self) -> None:
        """There are no more words."""
        self._tell(len(self._open))

    def _tell(self, final: int) -> None:
        words, self._open = self._open[:final], self._open[final:]
        written: Sequence[Word] = words
        if self._readable is not None:
            written = format_transcript(words, self._language, self._readable).words
        if not written:
            return
        text = " ".join(word.text for word in written)
        text = f" {text}" if self._written else text
        self._written += written
        self._on_text(TextDelta(text, tuple(written)))


def _overdue(words: Sequence[Word]) -> int:
    """How many words of a sentence that never ends to let go: up to its longest late pause."""
    if not words or words[-1].end - words[0].start <= LONGEST_SENTENCE_SECONDS:
        return 0
    half = (words[0].start + words[-1].end) / 2
    late = [i for i in range(1, len(words)) if words[i].start >= half] or [len(words) - 1]
    return max(late, key=lambda i: words[i].start - words[i - 1].end)
