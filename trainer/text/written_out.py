"""Writes out what a transcript has in digits, signs and abbreviations, as it is spoken.

One rule after another, each a pattern and what it becomes. What may be spoken in ways that mean
different things is left as it is, and the filters of `prepare` drop the row.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.itn.lexicon import Lexicon, lexicon
from app.numerals import SIGNS
from trainer.text.amounts import NUMBER, NumberSpeaker
from trainer.text.spoken_forms import SPOKEN_FORMS

_LETTER = "[a-zA-ZæøåÆØÅäöüÄÖÜéèêÉ]"
_BEFORE = r"(?<![\w.,:/])"
_AFTER = r"(?![\w:/]|[.,]\d)"
_DASH = "[-\u2013]"
_SOUND = re.compile(
    r"\((?:latter|lått|ler|klapp\w*|bifald|applaus\w*|host\w*|kremt\w*|musik\w*|pause|"
    r"laughter|applause|music)\)",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}|\*\S[^*]*\S\*")
_INAUDIBLE = re.compile(
    r"[\[({<*](?:\?+|[^\])}>*]*(?:inaudible|unintelligible|uhør|uhøyr|utyd|uforst|ikke hørb|"
    r"ikkje høyrb)[^\])}>*]*)[\])}>*]",
    re.IGNORECASE,
)
_ONE = "1"
_NO_HUNDREDS = 2000  # from here on a year and an amount are spoken alike

Say = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """A text as it is spoken, and how often each rule was applied."""

    text: str
    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """What matches `pattern` becomes what `say` returns; a ValueError leaves it as it is."""

    name: str
    pattern: re.Pattern[str]
    say: Say


def is_inaudible(text: str) -> bool:
    """Returns whether a transcript has a note that words of it could not be understood."""
    return _INAUDIBLE.search(text) is not None


def write_out(text: str, language: str) -> WrittenOut:
    """Writes out a transcript.

    Args:
        text: as published.
        language: da, nb, nn or no, also with a region; of others only brackets and slashes are
            known.
    """
    applied: Counter[str] = Counter()

    def replaced(match: re.Match[str]) -> str:
        try:
            spoken = rule.say(match)
        except ValueError:
            return match.group()
        applied[rule.name] += 1
        return spoken

    code = language.partition("-")[0].lower()
    for rule in _rules("nb" if code == "no" else code):
        text = rule.pattern.sub(replaced, text)
    return WrittenOut(text, dict(applied))


@lru_cache(maxsize=8)
def _rules(language: str) -> tuple[Rule, ...]:
    marks = (
        Rule("bracketed note", _SOUND, lambda _: " "),
        Rule("bracketed note", _NOTE, lambda _: " "),
        _rule("missing space", r"(?<=[a-zæøå]{2})([.!?;])(?=[A-ZÆØÅ][a-zæøå])", r"\1 "),
    )
    slash = _rule("slash", rf"(?<={_LETTER})\s*/\s*(?={_LETTER})", " ")
    if language not in SPOKEN_FORMS:
        return (*marks, slash)
    return (*marks, *_Rules(language).all(), slash)


def _rule(name: str, pattern: str, say: Say | str, flags: int = 0) -> Rule:
    if isinstance(say, str):
        template = say
        return Rule(name, re.compile(pattern, flags), lambda match: match.expand(template))
    return Rule(name, re.compile(pattern, flags), say)


class _Rules:
    """The rules of one language."""

    def __init__(self, language: str) -> None:
        found = lexicon(language)
        assert found is not None
        self._words: Lexicon = found
        self._forms = SPOKEN_FORMS[language]
        self._signs = SIGNS[language]
        self._speak = NumberSpeaker(language)
        forms = self._forms
        self._months = {**found.months, **forms.months}
        self._units = forms.units
        self._currencies = {**forms.currencies, "Kr": forms.currencies["kr"]}

    def all(self) -> tuple[Rule, ...]:
        """Returns the rules in the order in which they apply."""
        return (*self._abbreviations(), *self._dates(), *self._amounts(), *self._numbers())

    def _abbreviations(self) -> tuple[Rule, ...]:
        forms = self._forms
        return (
            _rule(
                "abbreviation",
                rf"(?<![\w.])({_any(forms.abbreviations, dotted=True)})(?!\w)\.?",
                lambda match: forms.abbreviations[re.sub(r"\s", "", match[1]).lower()],
                re.IGNORECASE,
            ),
            _rule(
                "abbreviation",
                rf"(?<![\w.])({_any(forms.before_numbers)})\.?\s*(?=\d)",
                lambda match: forms.before_numbers[match[1].lower()] + " ",
                re.IGNORECASE,
            ),
            _rule("paragraph sign", r"§\s*§\s*(?=\d)", f"{forms.sections} "),
            _rule("paragraph sign", r"§\s*(?=\d)", f"{self._signs['§']} "),
        )

    def _dates(self) -> tuple[Rule, ...]:
        months = _any(self._months)
        clocks = "|".join(sorted(self._words.clocks - {"kl"}))
        return (
            _rule("date", r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])", self._iso_date),
            _rule(
                "date",
                rf"{_BEFORE}(\d{{1,2}})[./](\d{{1,2}})(?:[./-]|\s)\s?(\d{{4}})(?!\w)",
                lambda match: self._speak.date(int(match[1]), int(match[2]), int(match[3])),
            ),
            _rule(
                "date",
                rf"{_BEFORE}(\d{{1,2}})\.?\s+({months})\b\.?(?:\s+(\d{{4}}))?{_AFTER}",
                self._named_date,
                re.IGNORECASE,
            ),
            _rule(
                "clock time",
                rf"\b({clocks})\s+(\d{{1,2}})[.:](\d\d){_AFTER}",
                lambda match: f"{match[1]} {self._speak.clock(int(match[2]), int(match[3]))}",
                re.IGNORECASE,
            ),
            _rule(
                "clock time",
                rf"\b({clocks})\s+(\d{{1,2}})(?![.:]\d){_AFTER}",
                lambda match: f"{match[1]} {self._speak.clock(int(match[2]), 0)}",
                re.IGNORECASE,
            ),
            _rule(
                "clock time",
                rf"{_BEFORE}(\d{{1,2}}):(\d\d){_AFTER}",
                lambda match: self._speak.clock(int(match[1]), int(match[2])),
            ),
        )

    def _amounts(self) -> tuple[Rule, ...]:
        units, currencies = _any(self._units), _any(self._currencies)
        percent, kroner = self._signs["%"], self._currencies["kr"]
        return (
            _rule("minus", r"(?<!\S)[-\u2212\u2013](?=\d)", "minus "),
            _rule(
                "telephone number",
                rf"{_BEFORE}(?:\d\d(?: \d\d){{3}}|(?<=telefon )\d{{8}}){_AFTER}",
                lambda match: self._speak.pairs(match.group()),
            ),
            _rule(
                "range",
                rf"(?<![\w.,:/-])({NUMBER}){_DASH}({NUMBER})(?![\w:/]|{_DASH})",
                self._range,
            ),
            _rule(
                "per cent",
                rf"{_BEFORE}({NUMBER})\s?%",
                lambda match: f"{self._speak.number(match[1])} {percent}",
            ),
            _rule(
                "money",
                rf"{_BEFORE}({currencies})\.?\s*({NUMBER})(?:,-)?{_AFTER}",
                lambda match: self._speak.counted(match[2], self._currencies[match[1]]),
            ),
            _rule(
                "money",
                rf"{_BEFORE}({NUMBER})(?:,-|\s?({currencies})(?![\w/])\.?)",
                lambda match: self._speak.counted(
                    match[1], self._currencies[match[2]] if match[2] else kroner
                ),
            ),
            _rule(
                "unit",
                rf"{_BEFORE}({NUMBER})\s?({units})(?![\w/²³])\.?",
                lambda match: self._speak.counted(match[1], self._units[match[2]]),
            ),
            _rule("money", r"(?<!\w)kr(?![\w/])\.?", kroner.more),
            _rule("fraction", r"(?<=\d)\s?½", f" og {self._forms.half}"),
        )

    def _numbers(self) -> tuple[Rule, ...]:
        signs = self._signs
        return (
            _rule("number in a word", rf"{_BEFORE}(\d{{1,4}})['’]?er(nes?)?{_AFTER}", self._decade),
            _rule(
                "number in a word",
                rf"{_BEFORE}(\d{{1,4}})-([a-zæøå]{{2,}})(?![\w-])",
                lambda match: (
                    self._speak.joined(int(match[1]), century=match[2].startswith(("tal", "år")))
                    + match[2]
                ),
            ),
            _rule(
                "ordinal",
                rf"{_BEFORE}(\d{{1,2}})\.(?=\s+[a-zæøå])",
                lambda match: self._speak.ordinal(int(match[1])),
            ),
            _rule("sign", r"(?<=\w)\s*\+\s*(?=\d)", f" {signs['+']} "),
            _rule("sign", r"\s*&\s*", f" {signs['&']} "),
            _rule("sign", r"\s*%", f" {signs['%']}"),
            _rule(
                "number",
                rf"(?:(?<={_LETTER}){_DASH}|(?<![\w.,:/\u2013-]))({NUMBER})(?!{_DASH}\w){_AFTER}",
                self._number,
            ),
        )

    def _iso_date(self, match: re.Match[str]) -> str:
        return self._speak.date(int(match[3]), int(match[2]), int(match[1]))

    def _named_date(self, match: re.Match[str]) -> str:
        year = int(match[3]) if match[3] else None
        return self._speak.date(int(match[1]), self._months[match[2].lower()], year)

    def _range(self, match: re.Match[str]) -> str:
        """Speaks the first number; the second is left to the rules after this one."""
        first, last = match[1], match[2]
        if not (first.isdigit() and last.isdigit()):
            raise ValueError(f"{match.group()} may be something else")
        years = self._speak.is_year(first) and (self._speak.is_year(last) or len(last) == 2)  # noqa: PLR2004
        if not years and int(first) >= int(last):
            raise ValueError(f"{match.group()} may be a score")
        spoken = self._speak.year(int(first)) if years else self._speak.number(first)
        return f"{spoken} {self._forms.until} {last}"

    def _decade(self, match: re.Match[str]) -> str:
        return self._speak.decade(int(match[1])) + (match[2] or "")

    def _number(self, match: re.Match[str]) -> str:
        """Speaks a number by the words around it; one after a hyphen is a word of its own."""
        space = "" if match.group() == match[1] else " "
        return space + self._in_context(match)

    def _in_context(self, match: re.Match[str]) -> str:
        written, text = match[1], match.string
        before = re.findall(rf"{_LETTER}+", text[: match.start()])[-1:]
        after = re.match(rf"\s+({_LETTER}+)", text[match.end() :])
        last = before[0].lower() if before else ""
        following = after[1].lower() if after else ""
        counted = following in self._words.units | self._words.counted
        if self._speak.is_year(written):
            return self._four_digits(int(written), last, following, counted=counted)
        if written != _ONE:
            return self._speak.number(written)
        if last in self._words.labels:
            return self._speak.number(written, neuter=self._forms.neuter_labels)
        # The gender of the noun decides, and only of these it is known.
        if following not in self._words.units and following not in self._forms.neuter:
            raise ValueError(f"the gender of {following!r} is not known")
        return self._speak.number(written, neuter=following in self._forms.neuter)

    def _four_digits(self, number: int, last: str, following: str, *, counted: bool) -> str:
        """Speaks 1100 to 2099: as a year, or as an amount where something is counted."""
        if counted and number % 100:
            return self._speak.whole(number)
        if counted or number >= _NO_HUNDREDS:
            return self._speak.year(number)
        if last in self._words.before_year or not following:
            return self._speak.year(number)
        raise ValueError(f"{number} may be a year or an amount")


def _any(words: Mapping[str, object], *, dotted: bool = False) -> str:
    """Returns a pattern of any of the words, the longest first."""
    escaped = [re.escape(word) for word in sorted(words, key=len, reverse=True)]
    if dotted:
        escaped = [word.replace(r"\.", r"\.\s?") for word in escaped]
    return "|".join(escaped)
