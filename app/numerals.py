"""Verbalises whole numbers in Danish, Bokmål and Nynorsk, for the trainer and the alignment.

Our own tables, since num2words has no Nynorsk and wrong ordinals of the other two.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SIGNS: Mapping[str, Mapping[str, str]] = {
    "da": {"%": "procent", "&": "og", "§": "paragraf", "+": "plus"},
    "nb": {"%": "prosent", "&": "og", "§": "paragraf", "+": "pluss"},
    "nn": {"%": "prosent", "&": "og", "§": "paragraf", "+": "pluss"},
}
"""How signs are spoken, by language."""

LIMIT = 1_000_000
"""What `cardinal` goes up to, itself left out."""

_HUNDRED, _THOUSAND = 100, 1000
_FIRST_TEN = 20  # from here on a number is a ten and a one
_ELEVEN_HUNDRED, _TWO_THOUSAND, _TWENTY_ONE_HUNDRED = 1100, 2000, 2100


@dataclass(frozen=True, slots=True)
class Numerals:
    """The words of one language; `ones` are 0..19, `tens` 20..90, ordinals alike.

    Danish puts the one before the ten (`enogtyve`), Norwegian after it (`tjueen`).
    """

    ones: tuple[str, ...]
    tens: tuple[str, ...]
    ordinal_ones: tuple[str, ...]
    ordinal_tens: tuple[str, ...]
    one_neuter: str
    hundred: str
    thousand: str
    link: str
    ones_first: bool


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_DANISH = Numerals(
    ones=_words(
        "nul en to tre fire fem seks syv otte ni ti elleve tolv tretten fjorten femten seksten "
        "sytten atten nitten"
    ),
    tens=_words("tyve tredive fyrre halvtreds tres halvfjerds firs halvfems"),
    ordinal_ones=_words(
        "nulte første anden tredje fjerde femte sjette syvende ottende niende tiende ellevte "
        "tolvte trettende fjortende femtende sekstende syttende attende nittende"
    ),
    ordinal_tens=_words(
        "tyvende tredivte fyrretyvende halvtredsindstyvende tresindstyvende "
        "halvfjerdsindstyvende firsindstyvende halvfemsindstyvende"
    ),
    one_neuter="et",
    hundred="hundrede",
    thousand="tusind",
    link="og",
    ones_first=True,
)
_BOKMAAL = Numerals(
    ones=_words(
        "null en to tre fire fem seks sju åtte ni ti elleve tolv tretten fjorten femten seksten "
        "sytten atten nitten"
    ),
    tens=_words("tjue tretti førti femti seksti sytti åtti nitti"),
    ordinal_ones=_words(
        "nulte første andre tredje fjerde femte sjette sjuende åttende niende tiende ellevte "
        "tolvte trettende fjortende femtende sekstende syttende attende nittende"
    ),
    ordinal_tens=_words(
        "tjuende trettiende førtiende femtiende sekstiende syttiende åttiende nittiende"
    ),
    one_neuter="ett",
    hundred="hundre",
    thousand="tusen",
    link="og",
    ones_first=False,
)
_NYNORSK = Numerals(
    ones=("null", "ein", *_BOKMAAL.ones[2:]),
    tens=_BOKMAAL.tens,
    ordinal_ones=_words(
        "nulte første andre tredje fjerde femte sjette sjuande åttande niande tiande ellevte "
        "tolvte trettande fjortande femtande sekstande syttande attande nittande"
    ),
    ordinal_tens=_words(
        "tjuande trettiande førtiande femtiande sekstiande syttiande åttiande nittiande"
    ),
    one_neuter="eitt",
    hundred="hundre",
    thousand="tusen",
    link="og",
    ones_first=False,
)
_LANGUAGES = {"da": _DANISH, "nb": _BOKMAAL, "nn": _NYNORSK}


def numerals(language: str) -> Numerals:
    """Returns the words of `da`, `nb` or `nn`.

    Raises:
        ValueError: there are none for this language.
    """
    if language not in _LANGUAGES:
        known = ", ".join(_LANGUAGES)
        raise ValueError(f"no number words for {language!r}, only for {known}")
    return _LANGUAGES[language]


def cardinal(number: int, language: str, *, neuter: bool = False) -> str:
    """Returns the number in words, 0 to 999,999; `neuter` is the gender of a lone one.

    Raises:
        ValueError: no number words for this language, or the number is outside.
    """
    words = numerals(language)
    if not 0 <= number < LIMIT:
        raise ValueError(f"{number} is not within 0..{LIMIT - 1}")
    thousands, rest = divmod(number, _THOUSAND)
    if not thousands:
        return _below_thousand(rest, words, neuter=neuter)
    front = words.one_neuter if thousands == 1 else _below_thousand(thousands, words, neuter=True)
    parts = [front, words.thousand]
    if rest:
        parts += [words.link] if rest < _HUNDRED else []
        parts.append(_below_thousand(rest, words, neuter=neuter))
    return " ".join(parts)


def ordinal(number: int, language: str) -> str:
    """Returns the ordinal of 1 to 99 in words.

    Raises:
        ValueError: no number words for this language, or the number is outside.
    """
    words = numerals(language)
    if not 1 <= number < _HUNDRED:
        raise ValueError(f"{number} is not within 1..99")
    if number < _FIRST_TEN:
        return words.ordinal_ones[number]
    tens, ones = divmod(number, 10)
    if not ones:
        return words.ordinal_tens[tens - 2]
    if words.ones_first:
        return f"{words.ones[ones]}og{words.ordinal_tens[tens - 2]}"
    return f"{words.tens[tens - 2]}{words.ordinal_ones[ones]}"


def year(number: int, language: str) -> str:
    """Returns a year from 1100 to 2099 in words: in hundreds up to 1999.

    Raises:
        ValueError: no number words for this language, or the number is outside.
    """
    words = numerals(language)
    if not _ELEVEN_HUNDRED <= number < _TWENTY_ONE_HUNDRED:
        raise ValueError(f"{number} is not within 1100..2099")
    if number >= _TWO_THOUSAND:
        return cardinal(number, language)
    hundreds, rest = divmod(number, _HUNDRED)
    parts = [words.ones[hundreds], words.hundred]
    if rest:
        # Danish leaves the "og" out: nitten hundrede fireogfirs.
        parts += [] if words.ones_first else [words.link]
        parts.append(_below_hundred(rest, words, neuter=False))
    return " ".join(parts)


def _below_hundred(number: int, words: Numerals, *, neuter: bool) -> str:
    if number == 1 and neuter:
        return words.one_neuter
    if number < _FIRST_TEN:
        return words.ones[number]
    tens, ones = divmod(number, 10)
    ten = words.tens[tens - 2]
    if not ones:
        return ten
    if words.ones_first:
        return f"{words.ones[ones]}og{ten}"
    return ten + (words.one_neuter if ones == 1 and neuter else words.ones[ones])


def _below_thousand(number: int, words: Numerals, *, neuter: bool) -> str:
    hundreds, rest = divmod(number, _HUNDRED)
    if not hundreds:
        return _below_hundred(rest, words, neuter=neuter)
    parts = [words.one_neuter if hundreds == 1 else words.ones[hundreds], words.hundred]
    if rest:
        parts += [words.link, _below_hundred(rest, words, neuter=neuter)]
    return " ".join(parts)
