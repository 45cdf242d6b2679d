"""Reads words as digits in every way that they can be meant: `tjue to` is 22, and 20 and 2."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from app.itn.cardinals import Atom, NumberReader, evaluate, year_pair
from app.itn.lexicon import Lexicon
from app.itn.word_lists import is_hesitation

_MARKS = ".,;:!?()\"'«»“”"
_DIGITS = re.compile(r"\+?[0-9]+(?:[ \N{NO-BREAK SPACE}.\-][0-9]+)*")
_PLUS = frozenset({"pluss", "plus"})
_BETWEEN = frozenset(["strek", "streg", "bindestrek", "bindestreg", "mellomrom", "mellemrum"])
_DATE_LINKS = frozenset({"i", "den"})
_MAX_WORDS = 6  # "fire hundre og fem og tyve"
_MAX_STATES = 5000
_TEN, _THOUSAND = 10, 1000
_YEARS = range(1900, 2100)
_DAY, _MONTH, _YEAR = 0, 2, 4


@dataclass(frozen=True, slots=True)
class Reading:
    """Digits that some words stand for; the words end before the index `end`."""

    digits: str
    end: int


def plain(word: str) -> str:
    """Returns a word in lower case, without the marks around it."""
    return word.lower().strip(_MARKS)


class SpokenDigits:
    """The digits in the words of a transcript.

    Args:
        words: as `plain` returns them.
        lexicon: of their language.
    """

    def __init__(self, words: Sequence[str], lexicon: Lexicon) -> None:
        self._words = tuple(words)
        self._lexicon = lexicon
        self._reader = NumberReader(self._words, lexicon, frozenset())
        self._numbers = cache(self._find_numbers)

    def is_number(self, place: int) -> bool:
        """Returns whether a word is one of a number; `og` between two numbers is not."""
        return _written(self._words[place]) != "" or any(
            atom.kind != "link" for atom in self._reader.atoms(place)
        )

    def is_part_of_date(self, place: int) -> bool:
        """Returns whether a word is an ordinal or a month."""
        word = self._words[place]
        return word in self._lexicon.ordinals or word in self._lexicon.months

    def is_between(self, place: int) -> bool:
        """Returns whether a word may stand between two digits: a hesitation, or `bindestrek`."""
        word = self._words[place]
        return word in _BETWEEN or is_hesitation(word) or self._is_link(place)

    def is_loose(self, place: int) -> bool:
        """Returns whether a number may end before a word or begin after it.

        An article, `og`, a part of a date and a thousand are seldom digits.
        """
        atoms = self._reader.atoms(place)
        return (
            not self.is_number(place)
            or any(atom.article or atom.kind == "scale" for atom in atoms)
            or self.is_part_of_date(place)
        )

    def is_plus(self, place: int) -> bool:
        """Returns whether the digits after a word, or in it, are an international number."""
        return self.is_plus_word(place) or self._words[place].startswith("+")

    def is_plus_word(self, place: int) -> bool:
        """Returns whether a word is a plus without digits."""
        return self._words[place] in _PLUS

    def sequences(
        self,
        start: int,
        end: int,
        longest: int,
        *,
        dates: bool = False,
        keep: Callable[[str], bool] = bool,
    ) -> Iterator[Reading]:
        """Yields the sequences of digits from a word on, each once.

        Args:
            start: the first word.
            end: one past the last word that may be read.
            longest: number of digits of the longest sequence.
            dates: whether the first six digits may be spoken as a date, `tolvte mai nittenåtti`.
            keep: whether digits may be the beginning of what is looked for.
        """
        waiting = [Reading("", start)]
        seen = set(waiting)
        while waiting and len(seen) < _MAX_STATES:
            reached = waiting.pop()
            for reading in self._continued(reached, end, dates=dates):
                if reading in seen or len(reading.digits) > longest or not keep(reading.digits):
                    continue
                seen.add(reading)
                waiting.append(reading)
                yield reading

    def _continued(self, reached: Reading, end: int, *, dates: bool) -> Iterator[Reading]:
        place = reached.end
        if reached.digits:
            while place < end and self.is_between(place):
                place += 1
            in_date = dates and len(reached.digits) in (_MONTH, _YEAR)
            if in_date and place < end and self._words[place] in _DATE_LINKS:
                place += 1
        if place >= end:
            return
        found = self._numbers(place)
        if dates:
            found = (*found, *self._date_part(place, len(reached.digits)))
        for reading in found:
            if reading.end <= end:
                yield Reading(reached.digits + reading.digits, reading.end)

    def _find_numbers(self, place: int) -> tuple[Reading, ...]:
        word = self._words[place]
        if written := _written(word):
            return (Reading(written, place + 1),)
        found: dict[Reading, None] = {}
        atoms: list[Atom] = []
        for end in range(place, min(self._reader.reach(place), place + _MAX_WORDS)):
            own = self._reader.atoms(end)
            atoms += own
            value = evaluate(atoms, self._lexicon)
            bare = len(atoms) == 1 and atoms[0].kind != "small"
            if value is not None and value < _THOUSAND and not bare:
                found[Reading(str(value), end + 1)] = None
        spelled = self._reader.atoms(place)
        if len(spelled) > 1 and all(atom.kind == "small" for atom in spelled):
            found[Reading("".join(str(atom.value) for atom in spelled), place + 1)] = None
        return tuple(found)

    def _date_part(self, place: int, reached: int) -> Iterator[Reading]:
        """Yields a day, month or year that is not spoken digit by digit, in two digits."""
        word = self._words[place]
        if reached in (_DAY, _MONTH):
            if found := self._reader.ordinal(place):
                yield Reading(f"{found[0]:02}", found[1])
            elif reached == _MONTH and word in self._lexicon.months:
                yield Reading(f"{self._lexicon.months[word]:02}", place + 1)
        if reached == _DAY:
            for reading in self._numbers(place):
                following = reading.end
                named = following < len(self._words) and self.is_part_of_date(following)
                if len(reading.digits) == 1 and named:
                    yield Reading(f"0{reading.digits}", following)
        if reached == _YEAR:
            yield from self._years(place)

    def _years(self, place: int) -> Iterator[Reading]:
        written = _written(self._words[place])
        if len(written) == 4 and int(written) in _YEARS:  # noqa: PLR2004
            yield Reading(written[2:], place + 1)
        atoms: list[Atom] = []
        for end in range(place, min(self._reader.reach(place), place + _MAX_WORDS)):
            atoms += self._reader.atoms(end)
            value = year_pair(atoms) or evaluate(atoms, self._lexicon)
            if value is not None and value in _YEARS:
                yield Reading(f"{value % 100:02}", end + 1)

    def _is_link(self, place: int) -> bool:
        return (
            self._words[place] == self._lexicon.link
            and 0 < place < len(self._words) - 1
            and self.is_number(place - 1)
            and self.is_number(place + 1)
        )


def _written(word: str) -> str:
    """Returns the digits of a word that is written with them; empty for any other."""
    return re.sub(r"[^0-9]", "", word) if _DIGITS.fullmatch(word) else ""
