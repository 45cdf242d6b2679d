"""Words in, sentences and paragraphs out, for protocols whose answers list them."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from app.itn.formatting import SENTENCE_PAUSE


class Timed(Protocol):
    """A word of any protocol; times in seconds."""

    @property
    def start(self) -> float:
        """When it begins."""

    @property
    def end(self) -> float:
        """When it ends."""


_WordT = TypeVar("_WordT", bound=Timed)


def split_at_pauses(words: Sequence[_WordT], pause: float) -> list[list[_WordT]]:
    """Returns the words between pauses of more than `pause` seconds, in order."""
    parts: list[list[_WordT]] = []
    for word in words:
        if not parts or word.start - parts[-1][-1].end > pause:
            parts.append([])
        parts[-1].append(word)
    return parts


def split_sentences(
    words: Sequence[_WordT], written: Callable[[_WordT], str]
) -> list[list[_WordT]]:
    """Returns the words of each sentence, in order.

    Args:
        words: in order.
        written: returns a word as it is written, with the marks that end sentences.
    """
    sentences: list[list[_WordT]] = []
    for word in words:
        before = sentences[-1][-1] if sentences else None
        # A full stop alone is not enough: `3. mai` has one too.
        if before is None or (
            written(before).endswith((".", "!", "?")) and word.start - before.end > SENTENCE_PAUSE
        ):
            sentences.append([])
        sentences[-1].append(word)
    return sentences
