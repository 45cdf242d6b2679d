"""Verbalisation of a written text: its words as tokens of the vocabulary, in every likely form.

Case, accents and punctuation are matched to the vocabulary; numbers are spelled out in every way
they are likely to be spoken, where the language is known.
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
_BEFORE = (("sju", "syv"), ("tjue", "tyve"), ("tretti", "tredve"))
_COMMA = "komma"


@dataclass(frozen=True, slots=True)
class Part:
    """A character or number of a written word, and the tokens of its verbalisation."""

    text: str
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word as written, with its punctuation, and its verbalisations, the likeliest first.

    Without any, its sound is unknown: it matches anything.
    """

    text: str
    verbalisations: tuple[tuple[Part, ...], ...]

    @property
    def certain(self) -> bool:
        """Whether it has exactly one verbalisation."""
        return len(self.verbalisations) == 1


def written_words(
    text: str, vocabulary: Vocabulary, *, language: str | None = None
) -> tuple[WrittenWord, ...]:
    """Splits a text at white space into words to align.

    What is never spoken, such as a single dash, is appended to the word before it: the words joined
    by spaces are the text with its white space normalised.

    Args:
        text: as written.
        vocabulary: tokens of the checkpoint.
        language: da, nb or nn, for numbers and signs; other languages have none.
    """
    matcher = _Matcher(spellings(vocabulary), language or "")
    words: list[WrittenWord] = []
    pending = ""
    for raw in text.split():
        verbalisations = matcher.verbalisations(raw)
        if not verbalisations and not any(char.isalnum() for char in raw):
            if words:
                last = words.pop()
                words.append(WrittenWord(f"{last.text} {raw}", last.verbalisations))
            else:
                pending += f"{raw} "
            continue
        words.append(WrittenWord(pending + raw, verbalisations))
        pending = ""
    return tuple(words)


class _Matcher:
    """Finds the tokens of characters and numbers, for one vocabulary and language."""

    def __init__(self, spelling: Mapping[str, int], language: str) -> None:
        self._spelling = spelling
        self._language = language
        self._marks = numerals.SIGNS.get(language, {})
        self._cache: dict[str, tuple[int, ...]] = {}

    def verbalisations(self, word: str) -> tuple[tuple[Part, ...], ...]:
        """Returns the verbalisations of a word, the likeliest first.

        A character that cannot be spelled is left out; a word has none where that leaves nothing,
        or where one of its numbers cannot be spelled.
        """
        numbers = list(_NUMBER.finditer(word))
        if not numbers:
            parts = self._characters(word)
            return (parts,) if parts else ()
        spoken = [self._numbers(number, word) for number in numbers]
        found: list[tuple[Part, ...]] = []
        for style in range(max(map(len, spoken)) if all(spoken) else 0):
            pieces: list[Part] = []
            place = 0
            for number, ways in zip(numbers, spoken, strict=True):
                pieces += self._characters(word[place : number.start()])
                pieces.append(Part(number.group(), ways[min(style, len(ways) - 1)]))
                place = number.end()
            found.append((*pieces, *self._characters(word[place:])))
        return tuple(found)

    def _numbers(self, number: re.Match[str], word: str) -> list[tuple[int, ...]]:
        """Returns the tokens of each verbalisation of a number, without duplicates."""
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
        """Returns the tokens of a character as it is, in another case, or without its accent."""
        if char in self._cache:
            return self._cache[char]
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
        self._cache[char] = tokens
        return tokens

    def _spell(self, text: str) -> tuple[int, ...]:
        for form in (text, text.upper()):
            try:
                return tuple(spell(form, self._spelling))
            except ValueError:
                continue
        raise ValueError(f"the vocabulary cannot spell {text!r}")

    def _speak(self, number: str, ordinal: bool) -> Iterator[str]:
        """Yields a number in words: whole, as a year, by digits, in pairs; likely ones first."""
        for speak in (_whole, _plain, _year, _short_year, _digits, _pairs):
            try:
                spoken = speak(number, ordinal, self._language)
            except ValueError:
                continue
            yield spoken
            for today, before in _BEFORE if self._language == "nb" else ():
                yield spoken.replace(today, before)


def _whole(number: str, ordinal: bool, language: str) -> str:
    """Verbalises 3 as three, 3. as third, 1,5 with a comma, 1.000 as a thousand, 12:30 in two."""
    if re.fullmatch(r"\d{1,3}(\.\d{3})+", number):
        number = number.replace(".", "")
    pieces = re.split(r"[.,:]", number)
    if ordinal and len(pieces) == 1:
        return numerals.ordinal(int(number), language)
    spoken = [numerals.cardinal(int(piece), language) for piece in pieces]
    return (f" {_COMMA} " if "," in number else " ").join(spoken)


def _plain(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - one shape for all
    """Verbalises 3. as three, where a sentence ends with it."""
    return _whole(number, False, language)


def _year(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - as above
    """Verbalises 1998 as nineteen hundred and ninety-eight."""
    return numerals.year(int(number), language)


def _short_year(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - as above
    """Verbalises 1998 as nineteen ninety-eight."""
    hundreds, rest = divmod(int(number), 100)
    numerals.year(int(number), language)
    return " ".join(numerals.cardinal(part, language) for part in (hundreds, rest))


def _digits(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - as above
    """Verbalises 112 as one one two."""
    return " ".join(numerals.cardinal(int(digit), language) for digit in number if digit.isdigit())


def _pairs(number: str, ordinal: bool, language: str) -> str:  # noqa: ARG001 - as above
    """Verbalises 112233 as eleven twenty-two thirty-three, as telephone numbers are."""
    if not re.fullmatch(r"(\d\d)+", number):
        raise ValueError(f"{number} does not fall into pairs")
    pairs = re.findall(r"\d\d", number)
    return " ".join(numerals.cardinal(int(pair), language) for pair in pairs)
