"""How abbreviations, units and currencies are spoken in each language.

Number words, signs, months and the nouns that follow an amount are those of the service
(`app.numerals`, `app.itn.lexicon`).
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noun:
    """What follows an amount, after one and after more; `neuter` is the gender of that one."""

    one: str
    more: str
    neuter: bool = False


@dataclass(frozen=True, slots=True)
class SpokenForms:
    """The forms of one language; abbreviations without their last full stop.

    `decades` are the tens that Danish names decades by, and empty elsewhere. A `neuter` noun has
    another word for a lone one before it, as a word after a `label` has in Danish.
    """

    abbreviations: Mapping[str, str]
    before_numbers: Mapping[str, str]
    units: Mapping[str, Noun]
    currencies: Mapping[str, Noun]
    months: Mapping[str, int]
    neuter: frozenset[str]
    neuter_labels: bool
    sections: str
    until: str
    half: str
    decades: Mapping[int, str]


def _table(text: str) -> dict[str, str]:
    """Reads lines of `short = long`."""
    pairs = (line.split(" = ") for line in text.strip().splitlines())
    return {short.strip(): long.strip() for short, long in pairs}


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _same(names: Mapping[str, str], *, neuter: str = "") -> dict[str, Noun]:
    return {short: Noun(name, name, neuter=name in neuter.split()) for short, name in names.items()}


_SHARED_UNITS = """
    km = kilometer
    m = meter
    cm = centimeter
    mm = millimeter
    kg = kilo
    g = gram
    mg = milligram
    l = liter
    cl = centiliter
    ml = milliliter
    kW = kilowatt
    MW = megawatt
    GW = gigawatt
    W = watt
    V = volt
    Hz = hertz
    kHz = kilohertz
    MHz = megahertz
    GHz = gigahertz
    kB = kilobyte
    MB = megabyte
    GB = gigabyte
    TB = terabyte
    km/t = kilometer i timen
    m/s = meter i sekundet
    m² = kvadratmeter
    m2 = kvadratmeter
    km² = kvadratkilometer
    km2 = kvadratkilometer
"""
_NEUTER_UNITS = "kilo gram milligram"
_CURRENCY_NAMES = {"€": "euro", "EUR": "euro", "£": "pund", "GBP": "pund", "$": "dollar"}
_MONTHS = "jan=1 feb=2 mar=3 apr=4 jun=6 jul=7 aug=8 sep=9 sept=9 okt=10 nov=11"


def _months(own: str) -> dict[str, int]:
    pairs = (item.split("=") for item in f"{_MONTHS} {own}".split())
    return {name: int(number) for name, number in pairs}


_DANISH = SpokenForms(
    abbreviations=_table("""
        bl.a = blandt andet
        f.eks = for eksempel
        fx = for eksempel
        d.v.s = det vil sige
        dvs = det vil sige
        o.l = og lignende
        e.l = eller lignende
        m.m = med mere
        m.fl = med flere
        m.v = med videre
        m.h.t = med hensyn til
        mht = med hensyn til
        p.g.a = på grund af
        pga = på grund af
        iht = i henhold til
        ifm = i forbindelse med
        osv = og så videre
        ca = cirka
        evt = eventuelt
        inkl = inklusive
        ekskl = eksklusive
        vedr = vedrørende
        jf = jævnfør
        hhv = henholdsvis
        pct = procent
        """),
    before_numbers=_table("""
        kl = klokken
        nr = nummer
        stk = stykke
        s. = side
        d. = den
        kap = kapitel
        art = artikel
        tlf = telefon
        """),
    units={
        **_same(_table(_SHARED_UNITS), neuter=_NEUTER_UNITS),
        **_same({"dl": "deciliter", "dm": "decimeter", "m³": "kubikmeter", "m3": "kubikmeter"}),
        "°": Noun("grad", "grader"),
        "°C": Noun("grad", "grader"),
        "kWh": Noun("kilowattime", "kilowattimer"),
        "min.": Noun("minut", "minutter", neuter=True),
        "sek.": Noun("sekund", "sekunder", neuter=True),
        "mio.": Noun("million", "millioner"),
        "mia.": Noun("milliard", "milliarder"),
        "stk.": Noun("styk", "styk", neuter=True),
    },
    currencies={
        **_same(_CURRENCY_NAMES, neuter="pund"),
        "kr": Noun("krone", "kroner"),
        "DKK": Noun("krone", "kroner"),
    },
    months=_months("maj=5 dec=12"),
    neuter=_set("kilo kilogram gram milligram ton pund minut sekund år døgn hundrede tusind"),
    neuter_labels=True,
    sections="paragrafferne",
    until="til",
    half="en halv",
    decades={
        20: "tyver", 30: "trediver", 40: "fyrrer", 50: "halvtredser", 60: "tresser",
        70: "halvfjerdser", 80: "firser", 90: "halvfemser",
    },
)  # fmt: skip


def _norwegian(
    abbreviations: str, before_numbers: str, units: Mapping[str, Noun], sections: str, half: str
) -> SpokenForms:
    shared = {"dl": "desiliter", "dm": "desimeter", "m³": "kubikkmeter", "m3": "kubikkmeter"}
    return SpokenForms(
        abbreviations=_table(abbreviations),
        before_numbers=_table(before_numbers),
        units={**_same(_table(_SHARED_UNITS), neuter=_NEUTER_UNITS), **_same(shared), **units},
        currencies={
            **_same(_CURRENCY_NAMES, neuter="pund"),
            "kr": Noun("krone", "kroner"),
            "NOK": Noun("krone", "kroner"),
        },
        months=_months("mai=5 des=12"),
        neuter=_set("kilo kilogram gram milligram tonn pund minutt sekund år døgn hundre tusen"),
        neuter_labels=False,
        sections=sections,
        until="til",
        half=half,
        decades={},
    )


_BOKMAAL = _norwegian(
    """
        bl.a = blant annet
        f.eks = for eksempel
        feks = for eksempel
        d.v.s = det vil si
        dvs = det vil si
        o.l = og lignende
        e.l = eller lignende
        m.m = med mer
        m.fl = med flere
        mfl = med flere
        m.v = med videre
        m.h.t = med hensyn til
        mht = med hensyn til
        p.g.a = på grunn av
        pga = på grunn av
        iht = i henhold til
        ifm = i forbindelse med
        ift = i forhold til
        iflg = ifølge
        osv = og så videre
        ca = cirka
        evt = eventuelt
        inkl = inklusive
        ekskl = eksklusive
        vedr = vedrørende
        jf = jamfør
        jfr = jamfør
        hhv = henholdsvis
        pst = prosent
    """,
    """
        kl = klokken
        nr = nummer
        s. = side
        kap = kapittel
        art = artikkel
        tlf = telefon
    """,
    {
        "°": Noun("grad", "grader"),
        "°C": Noun("grad", "grader"),
        "kWh": Noun("kilowattime", "kilowattimer"),
        "min.": Noun("minutt", "minutter", neuter=True),
        "sek.": Noun("sekund", "sekunder", neuter=True),
        "mill.": Noun("million", "millioner"),
        "mrd.": Noun("milliard", "milliarder"),
        "stk.": Noun("stykk", "stykker", neuter=True),
    },
    "paragrafene",
    "en halv",
)
_NYNORSK = _norwegian(
    """
        m.a = mellom anna
        bl.a = mellom anna
        t.d = til dømes
        d.v.s = det vil seie
        dvs = det vil seie
        o.l = og liknande
        e.l = eller liknande
        m.m = med meir
        m.fl = med fleire
        m.v = med vidare
        m.o.t = med omsyn til
        mht = med omsyn til
        p.g.a = på grunn av
        pga = på grunn av
        ifm = i samband med
        osb = og så bortetter
        osv = og så vidare
        ca = cirka
        evt = eventuelt
        inkl = inklusive
        ekskl = eksklusive
        vedr = vedkomande
        jf = jamfør
        jfr = jamfør
        pst = prosent
    """,
    """
        kl = klokka
        nr = nummer
        s. = side
        kap = kapittel
        art = artikkel
        tlf = telefon
    """,
    {
        "°": Noun("grad", "gradar"),
        "°C": Noun("grad", "gradar"),
        "kWh": Noun("kilowattime", "kilowattimar"),
        "min.": Noun("minutt", "minutt", neuter=True),
        "sek.": Noun("sekund", "sekund", neuter=True),
        "mill.": Noun("million", "millionar"),
        "mrd.": Noun("milliard", "milliardar"),
        "stk.": Noun("stykke", "stykke", neuter=True),
    },
    "paragrafane",
    "ein halv",
)
SPOKEN_FORMS: Mapping[str, SpokenForms] = {"da": _DANISH, "nb": _BOKMAAL, "nn": _NYNORSK}
"""By language."""
