"""What a rule gives: a piece of text as people write it, and the words it was said with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """One piece of text, from the words `first` to `last`, the latter included.

    `glued` pieces belong to the one before: no comma may come between, whatever the pause.
    """

    text: str
    first: int
    last: int
    glued: bool = False


def as_said(words: tuple[str, ...], first: int, end: int) -> tuple[Written, ...]:
    """The words from `first` up to `end` as they are."""
    return tuple(Written(words[i], i, i, glued=i > first) for i in range(first, end))
