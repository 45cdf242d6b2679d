"""The grammar of cardinal numbers in Danish, Bokmål and Nynorsk.

A number is groups before `milliard`, `million` and `thousand`; each group is hundreds and a
rest. Words may be written apart (`fem hundrede`) or in one (`femhundredeogtre`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.itn.lexicon import Lexicon

_HUNDRED, _THOUSAND = 100, 1000
_MAX_NUMBER_WORDS = 16  # words in one number: more than 999 milliards need
_TEN, _TWENTY = 10, 20


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of written text for the spoken words `first` to `last`, the latter included.

    A `glued` piece belongs to the one before: no comma may come between them, however long the
    pause.
    """

    text: str
    first: int
    last: int
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Atom:
    """The smallest piece of a number: 0..99, hundred, a scale from thousand up, or `og`."""

    kind: Literal["small", "hundred", "scale", "link"]
    value: int = 0
    article: bool = False


@dataclass(frozen=True, slots=True)
class Cardinal:
    """A number that ends before the word `end`; `atoms` are its pieces."""

    value: int
    end: int
    atoms: tuple[Atom, ...]

    @property
    def bare(self) -> bool:
        """True for `hundred` or `thousand` alone, which is as often a figure of speech."""
        return len(self.atoms) == 1 and self.atoms[0].kind != "small"


class NumberReader:
    """Reads numbers at positions of a sentence; no number continues across the words `stops`."""

    def __init__(self, words: tuple[str, ...], words_of: Lexicon, stops: frozenset[int]) -> None:
        self.words = words
        self.lexicon = words_of
        self._stops = stops
        self._atoms = [split_word(word, words_of) for word in words]

    def atoms(self, place: int) -> tuple[Atom, ...]:
        """Returns the pieces of the word there; () where it is not a number word."""
        return self._atoms[place] if 0 <= place < len(self.words) else ()

    def small(self, place: int) -> int | None:
        """Returns the value of a single word for 0..99; None for any other."""
        atoms = self.atoms(place)
        return atoms[0].value if len(atoms) == 1 and atoms[0].kind == "small" else None

    def reach(self, place: int) -> int:
        """Returns one past the last of the number words in a row that begin here."""
        if place >= len(self.words) or not self._atoms[place]:
            return place
        end, limit = place + 1, min(place + _MAX_NUMBER_WORDS, len(self.words))
        while end < limit and self._atoms[end] and end not in self._stops:
            end += 1
        return end

    def may_begin(self, place: int) -> bool:
        """Returns whether a number, a date or a clock time can begin at a word."""
        word, lexicon = self.words[place], self.lexicon
        return (
            bool(self._atoms[place])
            or word in lexicon.ordinals
            or word in lexicon.months
            or word in lexicon.clocks
            or word in lexicon.quarters
            or word == lexicon.half
            or word.endswith(lexicon.century_endings)
        )

    def is_any(self, place: int, *sets: frozenset[str]) -> bool:
        """Returns whether the word there is in one of the sets."""
        return 0 <= place < len(self.words) and any(self.words[place] in words for words in sets)

    def is_counted(self, place: int) -> bool:
        """Returns whether the word there is a noun after an amount, such as `kroner`."""
        return self.is_any(place, self.lexicon.units, self.lexicon.counted)

    def ordinal(self, place: int) -> tuple[int, int] | None:
        """Returns the longest ordinal of 1..99, in one word or in pieces, and where it ends."""
        ordinals, words = self.lexicon.ordinals, self.words[place : place + 3]
        whole = not self._stops.intersection(range(place + 1, place + len(words)))
        first = self.small(place)
        if first is not None and whole and len(words) == 3:  # noqa: PLR2004
            ten = ordinals.get(words[2], 0)
            if words[1] == self.lexicon.link and 0 < first < _TEN and _is_ten(ten):
                return first + ten, place + 3
        if first is not None and place + 1 not in self._stops and len(words) > 1:
            one = ordinals.get(words[1], 0)
            if self.lexicon.ten_before_one and _is_ten(first) and 0 < one < _TEN:
                return first + one, place + 2
        value = ordinals.get(words[0]) if words else None
        return None if value is None else (value, place + 1)

    def cardinal(self, place: int, *, ones_first: bool = True) -> Cardinal | None:
        """Returns the longest number that begins at a word, or None.

        Args:
            place: index of the word.
            ones_first: whether `fem og tyve` in three words is twenty-five.
        """
        for end in range(self.reach(place), place, -1):
            atoms = tuple(atom for i in range(place, end) for atom in self.atoms(i))
            if not ones_first and end - place > 1 and _is_one_before_ten(atoms):
                continue
            value = evaluate(atoms, self.lexicon)
            if value is not None:
                return Cardinal(value, end, atoms)
        return None


def verbatim(words: tuple[str, ...], first: int, end: int) -> tuple[Written, ...]:
    """Returns the words from `first` up to `end` unchanged."""
    return tuple(Written(words[i], i, i, glued=i > first) for i in range(first, end))


def split_word(word: str, words: Lexicon) -> tuple[Atom, ...]:
    """Returns the pieces of a word that consists of number words only; otherwise ()."""
    for length in range(len(word), 0, -1):
        atom = _atom(word[:length], words)
        if atom is None:
            continue
        if length == len(word):
            return (atom,)
        rest = split_word(word[length:], words)
        if rest:
            return (atom, *rest)
    return ()


def evaluate(atoms: Sequence[Atom], words: Lexicon) -> int | None:
    """Returns the value of pieces that make exactly one number; otherwise None."""
    total, rest = 0, list(atoms)
    ceiling = None
    while scale := next((atom for atom in rest if atom.kind == "scale"), None):
        place = rest.index(scale)
        front, rest = rest[:place], rest[place + 1 :]
        # In "to hundrede tusind millioner" the thousands would count millions, which is not spoken.
        factor = _group(front, words) if front else (1 if scale.value == _THOUSAND else None)
        if not factor or (ceiling is not None and scale.value >= ceiling):
            return None
        total += factor * scale.value
        ceiling = scale.value
        linked = bool(rest) and rest[0].kind == "link"
        rest = rest[linked:]
        if linked and not rest:
            return None
        if len(rest) == 1 and rest[0].article and not linked:
            return None  # "to tusind en": the next word is an article
    if not rest:
        return total if ceiling else None
    last = _group(rest, words)
    return None if last is None or (ceiling and not last) else total + last


def year_pair(atoms: Sequence[Atom]) -> int | None:
    """Returns a year in two halves, nineteen forty-two or nineteen null five; otherwise None."""
    values = [atom.value for atom in atoms]
    if any(atom.kind != "small" for atom in atoms) or not values:
        return None
    if not _TEN < values[0] <= _TWENTY:
        return None
    if len(values) == 2 and values[1] >= _TEN:  # noqa: PLR2004
        return values[0] * _HUNDRED + values[1]
    if len(values) == 3 and values[1] == 0 and 0 < values[2] < _TEN:  # noqa: PLR2004
        return values[0] * _HUNDRED + values[2]
    return None


def _atom(text: str, words: Lexicon) -> Atom | None:
    if text in words.small:
        return Atom("small", words.small[text], article=text in words.articles)
    if text in words.hundreds:
        return Atom("hundred", _HUNDRED)
    if text in words.thousands:
        return Atom("scale", _THOUSAND)
    if text in words.millions:
        return Atom("scale", words.millions[text])
    return Atom("link") if text == words.link else None


def _group(atoms: Sequence[Atom], words: Lexicon) -> int | None:
    """Returns the value of hundreds and a rest, before a scale or at the end."""
    places = [i for i, atom in enumerate(atoms) if atom.kind == "hundred"]
    if not places:
        return _below_hundred(atoms, words)
    front, rest = atoms[: places[0]], atoms[places[0] + 1 :]
    factor = _below_hundred(front, words) if front else 1
    if not factor or factor > _TWENTY:
        return None
    if not rest:
        return factor * _HUNDRED
    linked = rest[0].kind == "link"
    if rest[0].article and len(rest) == 1 and factor < _TEN:
        return None  # "to hundrede en": an article, but "nitten hundrede en" is a year
    last = _below_hundred(rest[linked:], words)
    return factor * _HUNDRED + last if last else None


def _below_hundred(atoms: Sequence[Atom], words: Lexicon) -> int | None:
    if any(atom.kind not in ("small", "link") for atom in atoms):
        return None
    if len(atoms) == 1 and atoms[0].kind == "small":
        return atoms[0].value
    if _is_one_before_ten(atoms):
        return atoms[0].value + atoms[2].value
    if len(atoms) == 2 and words.ten_before_one:  # noqa: PLR2004
        ten, one = atoms
        if _is_ten(ten.value) and 0 < one.value < _TEN and not one.article:
            return ten.value + one.value
    return None


def _is_one_before_ten(atoms: Sequence[Atom]) -> bool:
    """Returns whether the one comes before the ten, in three pieces: five and twenty."""
    if len(atoms) != 3 or [a.kind for a in atoms] != ["small", "link", "small"]:  # noqa: PLR2004
        return False
    one, ten = atoms[0].value, atoms[2].value
    return 0 < one < _TEN and _is_ten(ten)


def _is_ten(value: int) -> bool:
    return value >= _TWENTY and value % _TEN == 0
