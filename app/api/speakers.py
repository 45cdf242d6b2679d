"""The names of speakers in other protocols, and the words of each turn."""

from collections.abc import Sequence
from itertools import count, groupby
from string import ascii_uppercase
from typing import Protocol, TypeVar

from app.contract.answers import Transcript
from app.contract.speakers import is_numbered_label


class Spoken(Protocol):
    """A word of any protocol."""

    @property
    def speaker(self) -> str | int | None:
        """Who says it; None where speakers are not told apart."""


_WordT = TypeVar("_WordT", bound=Spoken)


def speaker_letters(transcript: Transcript) -> dict[str | None, str]:
    """Returns A, B and so on for the speakers, in the order of their first words.

    Known speakers keep their names, which no other speaker has. Without speakers it is empty.
    """
    labels = [item.speaker for item in transcript.speakers or ()]
    names = {label for label in labels if not is_numbered_label(label)}
    letters = (letter for index in count() if (letter := _letters(index)) not in names)
    return {label: label if label in names else next(letters) for label in labels}


def split_at_speakers(words: Sequence[_WordT]) -> list[list[_WordT]]:
    """Returns the words of each turn, in order; one turn where speakers are not told apart."""
    return [list(turn) for _, turn in groupby(words, key=lambda word: word.speaker)]


def _letters(index: int) -> str:
    """Returns A to Z, then AA, AB and so on."""
    before, last = divmod(index, len(ascii_uppercase))
    return (_letters(before - 1) if before else "") + ascii_uppercase[last]
