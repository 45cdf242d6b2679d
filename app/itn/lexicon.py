"""The words of each language for numbers, dates and clock times.

The number words are those of `app.numerals`, with other spellings that are in use.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.numerals import Numerals, numerals

_TWENTY = 20


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language, all in lower case.

    `small` are the numbers 0..99 in one word, `ordinals` those of 1..99. `ones` are the
    words for one, `articles` those of them that are more often an article. `units` turn a small
    number before them into digits, `counted` are other nouns that follow an amount, `labels`
    words before a number that is a name (`nummer fire`). `vague` are words before a hundred or
    thousand that is not exact, `before_year` words a year often follows. No sentence ends
    after the `unfinished` ones unless the speaker stops, and no comma follows the `leaning`.
    """

    small: Mapping[str, int]
    ordinals: Mapping[str, int]
    hundreds: frozenset[str]
    thousands: frozenset[str]
    millions: Mapping[str, int]
    link: str
    ten_before_one: bool
    articles: frozenset[str]
    ones: frozenset[str]
    comma: str
    separator: str
    months: Mapping[str, int]
    every: frozenset[str]
    between: frozenset[str]
    ranges: frozenset[str]
    clocks: frozenset[str]
    about: frozenset[str]
    half: str
    quarters: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    minutes: frozenset[str]
    century_endings: tuple[str, ...]
    units: frozenset[str]
    counted: frozenset[str]
    labels: frozenset[str]
    vague: frozenset[str]
    before_year: frozenset[str]
    unfinished: frozenset[str]
    leaning: frozenset[str]


def lexicon(language: str) -> Lexicon | None:
    """Returns the words of `da`, `nb` or `nn` (`no` is read as `nb`); None for other languages."""
    return _LEXICONS.get("nb" if language == "no" else language)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _spelled(text: str) -> dict[str, int]:
    """Reads `syv=7 tyve=20` as a table."""
    pairs = (item.split("=") for item in text.split())
    return {word: int(value) for word, value in pairs}


def _joined(
    ones: Mapping[str, int], tens: Mapping[str, int], link: str, *, ten_first: bool
) -> Iterable[tuple[str, int]]:
    """Yields the words of 21..99 in both orders, as far as the language has them."""
    for ten, tens_value in tens.items():
        for one, value in ones.items():
            yield f"{one}{link}{ten}", tens_value + value
            if ten_first:
                yield f"{ten}{one}", tens_value + value


def _numbers(
    words: Numerals, more: str, more_ordinals: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Returns the cardinals 0..99 and the ordinals 1..99, each in one word."""
    extra, extra_ordinals = _spelled(more), _spelled(more_ordinals)
    small = {word: value for value, word in enumerate(words.ones)} | {words.one_neuter: 1}
    small |= {word: 10 * (value + 2) for value, word in enumerate(words.tens)} | extra
    ordinals = {word: value for value, word in enumerate(words.ordinal_ones) if value}
    ordinals |= {word: 10 * (value + 2) for value, word in enumerate(words.ordinal_tens)}
    ordinals |= extra_ordinals
    ones = {word: value for word, value in small.items() if 0 < value < 10}  # noqa: PLR2004
    tens = {word: value for word, value in small.items() if value >= _TWENTY}
    tenths = {word: value for word, value in ordinals.items() if value >= _TWENTY}
    firsts = {word: value for word, value in ordinals.items() if value < 10}  # noqa: PLR2004
    ten_first = not words.ones_first
    small |= _joined(ones, tens, words.link, ten_first=ten_first)
    ordinals |= _joined(ones, tenths, words.link, ten_first=False)
    if ten_first:
        ordinals |= {f"{t}{f}": tv + fv for t, tv in tens.items() for f, fv in firsts.items()}
    return small, ordinals


_UNITS = (
    "kilometer meter centimeter millimeter desimeter decimeter kvadratmeter kvadratkilometer "
    "kubikmeter kubikkmeter hektar kilo kilogram gram hekto milligram tonn ton liter desiliter "
    "deciliter centiliter milliliter euro dollar pund øre watt kilowatt megawatt gigawatt "
    "kilowattimer kilowattime volt ampere hertz megahertz gigahertz kilobyte megabyte gigabyte "
    "terabyte bar pascal celsius kalorier kilokalorier desibel decibel promille "
)


def _danish() -> Lexicon:
    small, ordinals = _numbers(
        numerals("da"),
        "fyrretyve=40 halvtredsindstyve=50 tresindstyve=60 halvfjerdsindstyve=70 firsindstyve=80 "
        "halvfemsindstyve=90 femti=50",
        "andet=2 elvte=11 fyrretyvende=40 halvtredsende=50 tressende=60 firsende=80",
    )
    return Lexicon(
        small=small,
        ordinals=ordinals,
        hundreds=_set("hundrede hundred"),
        thousands=_set("tusind tusinde"),
        millions=_spelled(
            "million=1000000 millioner=1000000 milliard=1000000000 milliarder=1000000000 "
            "billion=1000000000000 billioner=1000000000000"
        ),
        link="og",
        ten_before_one=False,
        articles=_set("en et"),
        ones=_set("en et"),
        comma="komma",
        separator=".",
        months=_months("marts maj oktober december"),
        every=_set("hver hvert"),
        between=_set("mellem både"),
        ranges=_set("til eller af"),
        clocks=_set("klokken kl"),
        about=_set("er var bliver blev ca cirka omkring præcis før efter til fra mellem lidt over"),
        half="halv",
        quarters=_set("kvart kvarter"),
        before=_set("i før"),
        after=_set("over efter"),
        minutes=_set("minutter minut"),
        century_endings=("tallets", "tallet", "tal"),
        units=_set(_UNITS + "procent procentpoint grader kroner kilometers meters"),
        counted=_set(
            "år årene dage dagene timer timerne minutter minutterne sekunder sekunderne uger "
            "ugerne måneder månederne nætter gange mennesker personer stykker elever medlemmer "
            "stemmer"
        ),
        labels=_set("nummer side kapitel paragraf artikel punkt kanal minus"),
        vague=_set("flere mange nogle par adskillige få"),
        before_year=_set(
            "i år året årene fra siden før efter til sommeren vinteren foråret efteråret indtil "
            "omkring årgang af"
        ),
        unfinished=_set("og eller men at fordi hvis som en et samt"),
        leaning=_set(
            "i på til af fra med for om ved hos under over mellem den det de min din sin vores "
            "deres hver er var har"
        ),
    )


def _norwegian(
    small: Mapping[str, int], ordinals: Mapping[str, int], words: Mapping[str, frozenset[str]]
) -> Lexicon:
    return Lexicon(
        small=small,
        ordinals=ordinals,
        hundreds=_set("hundre hundrede"),
        thousands=_set("tusen"),
        millions=_spelled(
            "million=1000000 millioner=1000000 millionar=1000000 milliard=1000000000 "
            "milliarder=1000000000 milliardar=1000000000 billion=1000000000000 "
            "billioner=1000000000000 billionar=1000000000000"
        ),
        link="og",
        ten_before_one=True,
        articles=words["articles"],
        ones=words["ones"],
        comma="komma",
        separator="\N{NO-BREAK SPACE}",
        months=_months("mars mai oktober desember"),
        every=_set("hver hvert kvar kvart"),
        between=_set("mellom både"),
        ranges=_set("til eller av"),
        clocks=_set("klokka klokken kl"),
        about=_set(
            "er var blir ble vart litt ca cirka omtrent rundt omkring presis før etter over til "
            "fra frå mellom"
        ),
        half="halv",
        quarters=_set("kvart kvarter"),
        before=_set("på før i"),
        after=_set("over etter"),
        minutes=_set("minutter minutt"),
        century_endings=("tallets", "tallet", "talet", "tal"),
        units=_set(_UNITS + "prosent prosentpoeng prosenteiningar prosentenheter grader kroner "
                   "gradar mil meters kilometers kilowattimar"),
        counted=words["counted"],
        labels=_set("nummer side kapittel paragraf artikkel punkt kanal minus"),
        vague=_set("flere fleire mange noen nokre nokon par atskillige få"),
        before_year=words["before_year"],
        unfinished=words["unfinished"],
        leaning=words["leaning"],
    )  # fmt: skip


def _bokmaal() -> Lexicon:
    small, ordinals = _numbers(
        numerals("nb"),
        "ei=1 et=1 én=1 syv=7 tyve=20 tredve=30",
        "annen=2 annet=2 syvende=7 ellefte=11 tyvende=20 tredevte=30 tredivte=30 tredvte=30",
    )
    words = {
        "articles": _set("en et ei"),
        "ones": _set("en ett et ei"),
        "counted": _set(
            "år årene åra dager dagene døgn timer timene minutter minuttene sekunder sekundene "
            "uker ukene måneder månedene netter ganger mennesker personer stykker elever medlemmer "
            "stemmer"
        ),
        "before_year": _set(
            "i år året årene fra siden før etter til sommeren vinteren våren høsten inntil "
            "omkring årgang av"
        ),
        "unfinished": _set("og eller men at fordi hvis som en et ei samt å"),
        "leaning": _set(
            "i på til av fra med for om ved hos under over mellom den det de min din sin vår "
            "deres hver er var har"
        ),
    }
    return _norwegian(small, ordinals, words)


def _nynorsk() -> Lexicon:
    small, ordinals = _numbers(
        numerals("nn"),
        "ei=1 eit=1 éin=1 syv=7 tjuge=20",
        "fyrste=1 tjugande=20 sjuende=7 åttende=8 niende=9 tiende=10",
    )
    words = {
        "articles": _set("ein eit ei"),
        "ones": _set("ein eitt eit ei"),
        "counted": _set(
            "år åra dagar dagane døgn timar timane minutt minutta sekund sekundar veker vekene "
            "månader månadene netter gonger menneske personar stykke elevar medlemer medlemmer "
            "røyster stemmer"
        ),
        "before_year": _set(
            "i år året åra frå sidan før etter til sommaren vinteren våren hausten inntil "
            "omkring årgang av"
        ),
        "unfinished": _set("og eller men at fordi viss dersom som ein eit ei samt å"),
        "leaning": _set(
            "i på til av frå med for om ved hos under over mellom den det dei min din sin vår "
            "deira kvar er var har"
        ),
    }
    return _norwegian(small, ordinals, words)


def _months(own: str) -> dict[str, int]:
    """Returns month numbers; `own` are March, May, October and December in the language."""
    march, may, october, december = own.split()
    names = (
        f"januar februar {march} april {may} juni juli august september {october} november "
        f"{december}"
    )
    return {name: number for number, name in enumerate(names.split(), start=1)}


_LEXICONS = {"da": _danish(), "nb": _bokmaal(), "nn": _nynorsk()}

LANGUAGES = (*_LEXICONS, "no")
"""Codes of the languages that can be formatted."""
