"""Finds names of a list among spoken words."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from app.contract.answers import Word
from app.errors import ConfigurationError
from app.redaction.spans import Label, Span, breaks_between
from app.text import normalise


class NameFinder:
    """Finds names, whatever their case, and in the genitive.

    Args:
        names: each of one or more words; a hyphen may be spoken as one word or two.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, set[tuple[str, ...]]] = {}
        for name in names:
            for text in (name, name.replace("-", " ")):
                if parts := tuple(normalise(text).split()):
                    self._names.setdefault(parts[0], set()).add(parts)

    def find(self, words: Sequence[Word]) -> Iterator[Span]:
        """Yields the names among words, in order; the longest where several begin together."""
        if not self._names:
            return
        texts = [normalise(word.word) for word in words]
        place = 0
        while place < len(words):
            length = self._length(texts, words, place)
            if length:
                yield Span(place, place + length, Label.NAME)
            place += length or 1

    def _length(self, texts: Sequence[str], words: Sequence[Word], place: int) -> int:
        candidates = {name for first in _stems(texts[place]) for name in self._names.get(first, ())}
        fitting = [
            len(name)
            for name in candidates
            if self._fits(name, texts[place : place + len(name)])
            and not any(
                breaks_between(words[i - 1], words[i]) for i in range(place + 1, place + len(name))
            )
        ]
        return max(fitting, default=0)

    def _fits(self, name: tuple[str, ...], texts: Sequence[str]) -> bool:
        return (
            len(texts) == len(name)
            and tuple(texts[:-1]) == name[:-1]
            and name[-1] in _stems(texts[-1])
        )


def read_names(path: Path) -> tuple[str, ...]:
    """Reads an operator's list: a name a line, of one or more words; `#` before a comment.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None
    names = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(name for name in names if name)


def _stems(text: str) -> tuple[str, ...]:
    """Returns a word, and what it is the genitive of."""
    return (text, text[:-1]) if len(text) > 1 and text.endswith("s") else (text,)
