"""Speaks the numbers of written text: cardinals to a billion, decimals, years, numbers in words."""

import re

from app import numerals
from app.itn.lexicon import lexicon
from trainer.text.spoken_forms import SPOKEN_FORMS, Noun

NUMBER = r"\d{1,3}(?:[. \u00a0\u202f]\d{3})+(?:,\d+)?(?!\d)|\d+(?:,\d+)?"
"""A number as it is written: thousands by full stops or spaces, decimals after a comma."""

_SEPARATORS = re.compile(r"[. \u00a0\u202f]")
_MILLION, _BILLION = 1_000_000, 1_000_000_000
_MAX_JOINED = 10_000
_MAX_UNSEPARATED = 6  # digits; longer ones are codes, or people group them
_YEARS = range(1100, 2100)
_CENTURY = 100
_LAST_CENTURY = 20  # 2000 is two thousand, not twenty hundred
_SPOKEN_WHOLE = 2  # so many decimals are spoken as one number, more of them one by one


class NumberSpeaker:
    """Speaks numbers in one language.

    Args:
        language: da, nb or nn.

    Every method raises ValueError for a number that has no certain form.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._words = numerals.numerals(language)
        self._forms = SPOKEN_FORMS[language]
        found = lexicon(language)
        assert found is not None
        self._comma = found.comma
        self._million = self._forms.units.get("mill.") or self._forms.units["mio."]
        self._months = {number: name for name, number in found.months.items()}

    def number(self, written: str, *, neuter: bool = False) -> str:
        """Returns a number as `NUMBER` matches it; `neuter` is the gender of a lone one."""
        whole, _, decimals = _SEPARATORS.sub("", written).partition(",")
        if len(whole) > 1 and whole.startswith("0"):
            raise ValueError(f"{written} begins with a nought")
        if len(whole) > _MAX_UNSEPARATED and written.startswith(whole):
            raise ValueError(f"{written} may be a number of something")
        if not decimals:
            return self.whole(int(whole), neuter=neuter)
        return f"{self.whole(int(whole))} {self._comma} {self._decimals(decimals)}"

    def whole(self, number: int, *, neuter: bool = False) -> str:
        """Returns a whole number below a billion."""
        millions, rest = divmod(number, _MILLION)
        if number >= _BILLION:
            raise ValueError(f"{number} is too large")
        if not millions:
            return numerals.cardinal(rest, self._language, neuter=neuter)
        noun = self._million.one if millions == 1 else self._million.more
        spoken = f"{numerals.cardinal(millions, self._language)} {noun}"
        return f"{spoken} {self.whole(rest, neuter=neuter)}" if rest else spoken

    def counted(self, written: str, noun: Noun) -> str:
        """Returns a number with the noun that it counts."""
        one = written == "1"
        return f"{self.number(written, neuter=noun.neuter)} {noun.one if one else noun.more}"

    def year(self, number: int) -> str:
        """Returns a year from 1100 to 2099."""
        return numerals.year(number, self._language)

    def is_year(self, written: str) -> bool:
        """Returns whether a number may be a year by its form."""
        return written.isdigit() and int(written) in _YEARS

    def date(self, day: int, month: int, year: int | None) -> str:
        """Returns a day of the year: `syttende mai atten hundre og fjorten`."""
        if month not in self._months or not 1 <= day <= 31:  # noqa: PLR2004 - the longest month
            raise ValueError(f"{day}.{month}. is no date")
        spoken = f"{numerals.ordinal(day, self._language)} {self._months[month]}"
        return spoken if year is None else f"{spoken} {self.year(year)}"

    def ordinal(self, number: int) -> str:
        """Returns the ordinal of 1 to 99."""
        return numerals.ordinal(number, self._language)

    def clock(self, hour: int, minutes: int) -> str:
        """Returns a time as its two numbers are read; the full hour alone."""
        if hour > 24 or minutes > 59:  # noqa: PLR2004 - of a clock
            raise ValueError(f"{hour}:{minutes} is no time")
        spoken = self.whole(hour, neuter=True)
        if not minutes:
            return spoken
        nought = f"{self.whole(0)} " if minutes < 10 else ""  # noqa: PLR2004 - one digit
        return f"{spoken} {nought}{self.whole(minutes)}"

    def pairs(self, digits: str) -> str:
        """Returns a telephone number, two digits at a time."""
        spoken: list[str] = []
        for pair in re.findall(r"\d\d", digits):
            spoken += [self.whole(0)] if pair[0] == "0" else []
            spoken.append(self.whole(int(pair)))
        return " ".join(spoken)

    def joined(self, number: int, *, century: bool) -> str:
        """Returns a number as the front of a word; `century` reads 1990 as nineteen-ninety."""
        if number >= _MAX_JOINED:
            raise ValueError(f"{number} is in no word")
        words, (hundreds, rest) = self._words, divmod(number, _CENTURY)
        if century and number in _YEARS and hundreds < _LAST_CENTURY:
            return words.ones[hundreds] + (self._plain(rest) if rest else words.hundred)
        if number in {_CENTURY, 10 * _CENTURY}:
            return words.hundred if number == _CENTURY else words.thousand
        # ettåring, but tjueenåring
        return words.one_neuter if number == 1 else self._plain(number)

    def decade(self, number: int) -> str:
        """Returns the front of the Danish name of a decade: `halvfemser`, `nittenhalvfemser`."""
        hundreds, tens = divmod(number, _CENTURY)
        if tens not in self._forms.decades or hundreds >= _LAST_CENTURY:
            raise ValueError(f"{number} is no decade")
        return (self._words.ones[hundreds] if hundreds else "") + self._forms.decades[tens]

    def _plain(self, number: int) -> str:
        return "".join(numerals.cardinal(number, self._language).split())

    def _decimals(self, digits: str) -> str:
        if len(digits) <= _SPOKEN_WHOLE and not digits.startswith("0"):
            return self.whole(int(digits))
        return " ".join(self.whole(int(digit)) for digit in digits)
