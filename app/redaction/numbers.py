"""Finds national numbers, payment cards and telephone numbers among spoken words."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.contract.answers import Word
from app.contract.redaction import RedactKind
from app.itn.lexicon import Lexicon
from app.redaction.checks import (
    CARD_DIGITS,
    FODSELSNUMMER_DIGITS,
    PHONE_DIGITS,
    is_card,
    is_cpr,
    is_fodselsnummer,
    is_national_phone,
    is_phone,
    may_begin_national_id,
)
from app.redaction.spans import Label, Span, breaks_between
from app.redaction.spoken import Reading, SpokenDigits, plain

_PAUSE = 0.3
_CONTEXT_WORDS = 6
_DATE_DIGITS = 6
# The beginnings of words that name a number, before it.
_NAMES: dict[RedactKind, tuple[str, ...]] = {
    "national-id": ("fødselsnum", "personnum", "cpr", "dnum", "d-num"),
    "card": (
        "kortnum", "kortet", "visa", "mastercard", "dankort", "bankkort", "kredit", "betalingskort",
    ),
    "phone": ("telefon", "mobil", "tlf", "nummer", "ring"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Run:
    """Words `start` to `end`, the latter left out, that are numbers or stand between two."""

    start: int
    end: int


class NumberFinder:
    """Finds the numbers of a transcript.

    Args:
        words: in order.
        lexicon: of their language.
        kinds: what to find; others are ignored.
    """

    def __init__(
        self, words: Sequence[Word], lexicon: Lexicon, kinds: Collection[RedactKind]
    ) -> None:
        self._words = words
        self._texts = [plain(word.word) for word in words]
        self._digits = SpokenDigits(self._texts, lexicon)
        self._kinds = kinds

    def find(self) -> Iterator[Span]:
        """Yields the numbers, in order; none overlaps another."""
        for run in self._runs():
            place = run.start
            while place < run.end:
                span = self._at(place, run)
                if span is None:
                    place += 1
                else:
                    yield span
                    place = span.end

    def may_include(self, place: int) -> bool:
        """Returns whether a word can be within a number that continues after it."""
        return self._belongs(place) or self._digits.is_between(place) or self._in_date(place)

    def _runs(self) -> Iterator[_Run]:
        place, count = 0, len(self._words)
        while place < count:
            if not self._belongs(place):
                place += 1
                continue
            start = end = place
            while place < count and (place == start or not self._breaks(place)):
                if self._belongs(place):
                    end = place + 1
                elif not self._digits.is_between(place) and not self._in_date(place):
                    break
                place += 1
            yield _Run(start, end)
            place = max(place, end)

    def _belongs(self, place: int) -> bool:
        digits = self._digits
        return digits.is_number(place) or digits.is_part_of_date(place) or digits.is_plus(place)

    def _in_date(self, place: int) -> bool:
        """Returns whether a word is the `i` of `tolvte i femte`."""
        return (
            self._texts[place] == "i"
            and 0 < place < len(self._words) - 1
            and self._digits.is_part_of_date(place - 1)
            and self._digits.is_part_of_date(place + 1)
        )

    def _breaks(self, place: int) -> bool:
        return breaks_between(self._words[place - 1], self._words[place])

    def _at(self, start: int, run: _Run) -> Span | None:
        """Returns the number that begins at a word."""
        for find in (self._national_id, self._card, self._phone):
            if (span := find(start, run)) is not None:
                return span
        return None

    def _national_id(self, start: int, run: _Run) -> Span | None:
        if "national-id" not in self._kinds:
            return None
        named = self._is_named("national-id", start)
        may_begin = named or self._may_begin(start, run)

        def rank(reading: Reading) -> tuple[int, Label] | None:
            digits, ends = reading.digits, self._may_end(reading.end, run)
            if is_fodselsnummer(digits):
                return 3 + ends, Label.FODSELSNUMMER
            if may_begin and (named or ends) and is_cpr(digits):
                return 1 + ends, Label.CPR
            # A misheard digit breaks the check digits, so a number that is named needs none.
            if named and is_fodselsnummer(digits, check_digits=False):
                return 1 + ends, Label.FODSELSNUMMER
            return None

        readings = self._digits.sequences(
            start,
            run.end,
            FODSELSNUMMER_DIGITS,
            dates=True,
            keep=lambda digits: may_begin_national_id(digits[:_DATE_DIGITS]),
        )
        return _best(start, readings, rank)

    def _card(self, start: int, run: _Run) -> Span | None:
        named = self._is_named("card", start)
        if "card" not in self._kinds or not (named or self._may_begin(start, run)):
            return None

        def rank(reading: Reading) -> tuple[int, Label] | None:
            ends = self._may_end(reading.end, run)
            if is_card(reading.digits) and (named or ends):
                return 2 + ends, Label.CARD
            if named and is_card(reading.digits, check_digit=False):
                return 0 + ends, Label.CARD
            return None

        return _best(start, self._digits.sequences(start, run.end, CARD_DIGITS[-1]), rank)

    def _phone(self, start: int, run: _Run) -> Span | None:
        plus = self._digits.is_plus(start)
        named = self._is_named("phone", start)
        if "phone" not in self._kinds or not (plus or named or self._may_begin(start, run)):
            return None

        def rank(reading: Reading) -> tuple[int, Label] | None:
            digits, ends = reading.digits, self._may_end(reading.end, run)
            if plus and is_national_phone(digits):
                return 2 + ends, Label.PHONE
            if (named or ends) and is_phone(digits, international=plus, named=named):
                return 0 + ends, Label.PHONE
            return None

        first = start + 1 if self._digits.is_plus_word(start) else start
        return _best(start, self._digits.sequences(first, run.end, PHONE_DIGITS), rank)

    def _may_begin(self, place: int, run: _Run) -> bool:
        """Returns whether a number may begin at a word: no digit stands directly before it."""
        return place == run.start or self._is_pause(place) or self._digits.is_loose(place - 1)

    def _may_end(self, place: int, run: _Run) -> bool:
        """Returns whether a number may end before a word."""
        return place == run.end or self._is_pause(place) or self._digits.is_loose(place)

    def _is_pause(self, place: int) -> bool:
        return self._words[place].start - self._words[place - 1].end >= _PAUSE

    def _is_named(self, kind: RedactKind, start: int) -> bool:
        """Returns whether one of the words before a number names it so."""
        before = self._texts[max(0, start - _CONTEXT_WORDS) : start]
        return any(word.startswith(_NAMES[kind]) for word in before)


def _best(
    start: int,
    readings: Iterable[Reading],
    rank: Callable[[Reading], tuple[int, Label] | None],
) -> Span | None:
    """Returns the words of the reading with the highest rank, and of those the longest."""
    ranked = [
        (found[0], reading.end, found[1])
        for reading in readings
        if (found := rank(reading)) is not None
    ]
    if not ranked:
        return None
    _, end, label = max(ranked, key=lambda item: item[:2])
    return Span(start, end, label)
