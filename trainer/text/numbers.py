"""Generates sentences with numbers, dates, clock times and names from a seed.

Help texts write these in digits, which the cleaning drops; so they are made up here.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.numerals import cardinal, ordinal, year
from trainer.errors import CorpusError
from trainer.text.phrases import PHRASES, Phrases

_HALF, _QUARTER, _HOUR = 30, 15, 60
_FEW = (2, 100)
_MAGNITUDES: Final = ((2, 20), (20, 100), (100, 1000), (1000, 100_000))
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Fillers:
    """Makes numbers, dates, times, names and places of one language from a seeded generator."""

    language: str
    phrases: Phrases
    choice: random.Random

    def sentence(self) -> str:
        """One of the templates with its holes filled."""
        template = self.choice.choice(self.phrases.templates)
        fillers = self.by_name()
        words = [
            fillers[word[1:-1]]() if word.startswith("{") else word for word in template.split()
        ]
        return " ".join(words)

    def by_name(self) -> Mapping[str, Callable[[], str]]:
        """What fills a hole of each name."""
        return {
            "count": self.count,
            "small": lambda: cardinal(self.choice.randint(2, 12), self.language),
            "few": lambda: self.count(_FEW),
            "ordinal": lambda: ordinal(self.choice.randint(2, 31), self.language),
            "small_ordinal": lambda: ordinal(self.choice.randint(2, 6), self.language),
            "date": self.date,
            "weekday": lambda: self.choice.choice(self.phrases.weekdays),
            "year": lambda: year(self.choice.randint(1750, 2049), self.language),
            "clock": self.clock,
            "name": lambda: self.choice.choice(self.phrases.first_names),
            "surname": lambda: self.choice.choice(self.phrases.surnames),
            "place": lambda: self.choice.choice(self.phrases.places),
            "digits": self.digits,
        }

    def date(self) -> str:
        """A day of the year."""
        month = self.choice.randrange(12)
        day = self.choice.randint(1, _DAYS[month])
        return f"{ordinal(day, self.language)} {self.phrases.months[month]}"

    def count(self, magnitude: tuple[int, int] | None = None) -> str:
        """A number before a noun in the plural, so none that ends in one."""
        number = self.choice.randrange(*(magnitude or self.choice.choice(_MAGNITUDES)))
        if number >= 1000:  # noqa: PLR2004 - people round large numbers
            number = max(2000, number // 100 * 100)
        return cardinal(number + (number % 100 != 11 and number % 10 == 1), self.language)  # noqa: PLR2004

    def digits(self) -> str:
        """A telephone number of eight digits in pairs."""
        return " ".join(cardinal(self.choice.randrange(10, 100), self.language) for _ in range(4))

    def clock(self) -> str:
        """A time to five minutes."""
        return clock_time(
            self.choice.randrange(12), self.choice.randrange(0, _HOUR, 5), self.language
        )


def clock_time(hour: int, minutes: int, language: str) -> str:
    """Returns a spoken time, relative to the hour and the half: `ti over halv seks`.

    Raises:
        CorpusError: there are no phrases for this language.
    """
    phrases = _phrases(language)
    this, following = (
        cardinal((hour + later - 1) % 12 + 1, language, neuter=True) for later in (0, 1)
    )
    half = f"{phrases.half} {following}"
    if minutes <= _QUARTER:
        base, distance = this, minutes
    elif minutes < _HOUR - _QUARTER:
        base, distance = half, minutes - _HALF
    else:
        base, distance = following, minutes - _HOUR
    if not distance:
        return base
    side = phrases.after if distance > 0 else phrases.before
    if abs(distance) == _QUARTER:
        return f"{phrases.quarter} {side} {base}"
    unit = f" {phrases.minutes}" if phrases.minutes else ""
    return f"{cardinal(abs(distance), language)}{unit} {side} {base}"


def number_sentences(language: str, *, seed: int) -> Iterator[str]:
    """Yields sentences without end, the same ones from the same seed; some come twice.

    Raises:
        CorpusError: there are no phrases for this language.
    """
    fillers = fillers_of(language, random.Random(f"{seed}/numbers/{language}"))
    while True:
        yield fillers.sentence()


def fillers_of(language: str, choice: random.Random) -> Fillers:
    """Returns the fillers of a language.

    Raises:
        CorpusError: there are no phrases for this language.
    """
    return Fillers(language, _phrases(language), choice)


def _phrases(language: str) -> Phrases:
    if language not in PHRASES:
        known = ", ".join(PHRASES)
        raise CorpusError(f"no sentences with numbers in {language!r}, only in {known}")
    return PHRASES[language]
