"""A text as people write it in, the tokens it is spoken with out, each with what it was written as.

Case, accents and punctuation are matched to the vocabulary; numbers are spelled out in every
way they are likely to be read, where the language is known.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app import numerals
from app.decoding.alignment import spell
from app.text import fold
from app.vocabulary import Vocabulary, spellings

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_MARKS: Mapping[str, Mapping[str, str]] = {
    "da": {"%": "procent", "&": "og", "§": "paragraf", "+": "plus"},
    "nb": {"%": "prosent", "&": "og", "§": "paragraf", "+": "pluss"},
    "nn": {"%": "prosent", "&": "og", "§": "paragraf", "+": "pluss"},
}
_BEFORE = (("sju", "syv"), ("tjue", "tyve"), ("tretti", "tredve"))
_COMMA = "komma"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word as written, a character or a number, and the tokens it is spoken with."""

    text: str
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word as written, with punctuation and all, and the ways it may be spoken, likely first.

    No reading at all means that nobody knows how it sounds: it may be anything.
    """

    text: str
    readings: tuple[tuple[Part, ...], ...]

    @property
    def certain(self) -> bool:
        """There is exactly one way to say it."""
        return len(self.readings) == 1


def written_words(
    text: str, vocabulary: Vocabulary, *, language: str | None = None
) -> tuple[WrittenWord, ...]:
    """Split a text at white space into words that can be aligned.

    What is never spoken, such as a dash on its own, stays with the word before it, so that the
    words joined by spaces are the text with its white space put in order.

    Args:
        text: as people write.
        vocabulary: tokens of the checkpoint.
        language: da, nb or nn, for numbers and signs; others have none spelled out.
    """
    matcher = _Matcher(spellings(vocabulary), language or "")
    words: list[WrittenWord] = []
    waiting = ""
    for raw in text.split():
        readings = matcher.readings(raw)
        if not readings and not any(char.isalnum() for char in raw):
            if words:
                last = words.pop()
                words.append(WrittenWord(f"{last.text} {raw}", last.readings))
            else:
                waiting += f"{raw} "
            continue
        words.append(WrittenWord(waiting + raw, readings))
        waiting = ""
    return tuple(words)


class _Matcher:
    """Finds the tokens of characters and numbers, for one vocabulary and language."""

    def __init__(self, spelling: Mapping[str, int], language: str) -> None:
        self._spelling = spelling
        self._language = language
        self._marks = _MARKS.get(language, {})
        self._known: dict[str, tuple[int, ...]] = {}

    def readings(self, word: str) -> tuple[tuple[Part, ...], ...]:
        """The ways to say a word; none where a number or letter in it cannot be spelled."""
        numbers = list(_NUMBER.finditer(word))
        if not numbers:
            parts = self._characters(word)
            return (parts,) if parts else ()
        spoken = [self._numbers(number, word) for number in numbers]
        found: list[tuple[Part, ...]] = []
        for way in range(max(map(len, spoken)) if all(spoken) else 0):
            pieces: list[Part] = []
            place = 0
            for number, ways in zip(numbers, spoken, strict=True):
                pieces += self._characters(word[place : number.start()])
                pieces.append(Part(number.group(), ways[min(way, len(ways) - 1)]))
                place = number.end()
            found.append((*pieces, *self._characters(word[place:])))
        return tuple(found)

    def _numbers(self, number: re.Match[str], word: str) -> list[tuple[int, ...]]:
        """The tokens of a number, in each way it may be said."""
        ordinal = word[number.end() :] == "."
        ways: list[tuple[int, ...]] = []
        for spoken in self._speak(number.group(), ordinal):
            try:
                tokens = self._spell("".join(spoken.split()))
            except ValueError:
                continue
            if tokens not in ways:
                ways.append(tokens)
        return ways

    def _characters(self, text: str) -> tuple[Part, ...]:
        found = ((char, self._character(char)) for char in unicodedata.normalize("NFC", text))
        return tuple(Part(char, tokens) for char, tokens in found if tokens)

    def _character(self, char: str) -> tuple[int, ...]:
        """The tokens of one character as it is, in another case, or without its accent."""
        if char in self._known:
            return self._known[char]
        plain = "".join(
            part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part)
        )
        forms = (char, char.lower(), char.upper(), fold(char), self._marks.get(char, ""))
        tokens: tuple[int, ...] = ()
        for form in (*forms, plain.lower(), plain.upper()):
            try:
                tokens = self._spell(form)
            except ValueError:
                continue
            break
        self._known[char] = tokens
        return tokens

    def _spell(self, text: str) -> tuple[int, ...]:
        for form in (text, text.upper()):
            try:
                return tuple(spell(form, self._spelling))
            except ValueError:
                continue
        raise ValueError(f"the vocabulary cannot spell {text!r}")

    def _speak(self, number: str, ordinal: bool) -> Iterator[str]:
        """A number in words: as a whole, as a year, digit by digit, in pairs; likely ones first."""
        for say in (_whole, _plain, _year, _short_year, _digits, _pairs):
            try:
                spoken = say(number, ordinal, self._language)
            except ValueError:
                continue
            yield spoken
            for today, before in _BEFORE if self._language == "nb" else ():
                if today in spoken:
                    yield spoken.replace(today, before)


def _whole(number: str, ordinal: bool, language: str) -> str:
    """Say 3 as three, 3. as third, 1,5 with a comma, 1.000 as a thousand, 12:30 in two."""
    if re.fullmatch(r"\d{1,3}(\.\d{3})+", number):
        number = number.replace(".", "")
    pieces = re.split(r"[.,:]", number)
    if ordinal and len(pieces) == 1:
        return numerals.ordinal(int(number), language)
    spoken = [numerals.cardinal(int(piece), language) for piece in pieces]
    return (f" {_COMMA} " if "," in number else " ").join(spoken)


def _plain(number: str, ordinal: bool, language: str) -> str:
    """Say 3. as three, where a sentence ends with it."""
    return _whole(number, False, language) if ordinal else ""


def _year(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - one shape for all
    """Say 1998 as nineteen hundred and ninety-eight."""
    return numerals.year(int(number), language)


def _short_year(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - as above
    """Say 1998 as nineteen ninety-eight."""
    hundreds, rest = divmod(int(number), 100)
    numerals.year(int(number), language)
    return " ".join(numerals.cardinal(part, language) for part in (hundreds, rest))


def _digits(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - as above
    """Say 112 as one one two."""
    return " ".join(numerals.cardinal(int(digit), language) for digit in number if digit.isdigit())


def _pairs(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - as above
    """Say 112233 as eleven twenty-two thirty-three, as telephone numbers are."""
    if not re.fullmatch(r"(\d\d)+", number):
        raise ValueError(f"{number} does not fall into pairs")
    pairs = re.findall(r"\d\d", number)
    return " ".join(numerals.cardinal(int(pair), language) for pair in pairs)
