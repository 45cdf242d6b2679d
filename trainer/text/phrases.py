"""What sentences with numbers are made of: templates, names and places of each language.

A hole in a template is a word in braces; `trainer.text.numbers` fills it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language; `minutes` is empty where a clock time is spoken without it."""

    templates: tuple[str, ...]
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    first_names: tuple[str, ...]
    surnames: tuple[str, ...]
    places: tuple[str, ...]
    half: str
    quarter: str
    before: str
    after: str
    minutes: str


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_DANISH = Phrases(
    templates=_lines(
        """
        mødet begynder klokken {clock} på {weekday}
        toget til {place} kører klokken {clock}
        vi ses {weekday} den {date} klokken {clock}
        {name} {surname} blev født den {date} {year}
        {name} flyttede fra {place} til {place} i {year}
        det er {count} kilometer til {place}
        der kom {count} gæster til festen i {place}
        huset kostede {count} kroner i {year}
        prisen er {count} kroner for {small} stykker
        {name} og {name} har boet i {place} i {few} år
        det var den {ordinal} gang på {small} år
        {name} {surname} blev nummer {small} af {few} løbere
        klokken er {clock} i {place}
        jeg har ventet på {name} siden klokken {clock}
        temperaturen i {place} var {small} grader om morgenen
        der bor {count} mennesker i kommunen
        partiet fik {count} stemmer ved valget i {year}
        {name} er {few} år og kommer fra {place}
        regningen skal betales inden den {date}
        ring til {name} {surname} på {digits}
        kontoret har åbent fra klokken {clock} til klokken {clock}
        {few} procent svarede ja til forslaget
        broen blev bygget i {year} og er {few} meter lang
        udvalget holder møde i {place} hver {small_ordinal} {weekday}
        hun vandt for {small} dage siden i {place}
        loven trådte i kraft den {date} {year}
        """
    ),
    months=_words(
        "januar februar marts april maj juni juli august september oktober november december"
    ),
    weekdays=_words("mandag tirsdag onsdag torsdag fredag lørdag søndag"),
    first_names=_words(
        "anne mette kirsten hanne anna helle susanne lene maria marianne lone camilla pia louise "
        "charlotte gitte karen emma ida freja clara laura sofie peter michael lars jens thomas "
        "henrik søren christian martin jan morten jesper anders niels rasmus mads hans jørgen "
        "emil oscar noah william oliver"
    ),
    surnames=_words(
        "nielsen jensen hansen pedersen andersen christensen larsen sørensen rasmussen jørgensen "
        "petersen madsen kristensen olsen thomsen christiansen poulsen johansen møller mortensen"
    ),
    places=_words(
        "københavn aarhus odense aalborg esbjerg randers kolding horsens vejle roskilde herning "
        "silkeborg næstved fredericia viborg køge holstebro slagelse hillerød sønderborg svendborg "
        "hjørring nørresundby ringsted thisted rønne skagen ribe nyborg grenaa tønder haderslev"
    ),
    half="halv",
    quarter="kvart",
    before="i",
    after="over",
    minutes="minutter",
)
_NORWEGIAN_MONTHS = _words(
    "januar februar mars april mai juni juli august september oktober november desember"
)
_NORWEGIAN_NAMES = _words(
    "anne inger kari marit ingrid liv eva berit astrid bjørg hilde anna solveig marianne ida nina "
    "maria elisabeth bente heidi nora emma ella maja olivia jan per bjørn ole lars kjell knut arne "
    "svein thomas hans geir tor morten terje odd erik martin andreas jakob emil noah oskar sindre"
)
_NORWEGIAN_SURNAMES = _words(
    "hansen johansen olsen larsen andersen pedersen nilsen kristiansen jensen karlsen johnsen "
    "pettersen eriksen berg haugen hagen johannessen bakken dahl lund moen solberg strand "
    "sunde lie vik eide myhre aasen brekke nygård fossum"
)
_NORWEGIAN_PLACES = _words(
    "oslo bergen trondheim stavanger drammen fredrikstad kristiansand sandnes tromsø sarpsborg "
    "skien ålesund sandefjord haugesund tønsberg moss bodø arendal hamar larvik halden lillehammer "
    "molde harstad kongsberg gjøvik førde voss narvik alta kirkenes florø stord odda lom røros"
)
_BOKMAAL = Phrases(
    templates=_lines(
        """
        møtet begynner klokka {clock} på {weekday}
        toget til {place} går klokken {clock}
        vi ses {weekday} den {date} klokka {clock}
        {name} {surname} ble født den {date} {year}
        {name} flyttet fra {place} til {place} i {year}
        det er {count} kilometer til {place}
        det kom {count} gjester til festen i {place}
        huset kostet {count} kroner i {year}
        prisen er {count} kroner for {small} stykker
        {name} og {name} har bodd i {place} i {few} år
        det var den {ordinal} gangen på {small} år
        {name} {surname} ble nummer {small} av {few} løpere
        klokka er {clock} i {place}
        jeg har ventet på {name} siden klokken {clock}
        temperaturen i {place} var {small} grader om morgenen
        det bor {count} mennesker i kommunen
        partiet fikk {count} stemmer ved valget i {year}
        {name} er {few} år og kommer fra {place}
        regningen må betales innen den {date}
        ring til {name} {surname} på {digits}
        kontoret er åpent fra klokka {clock} til klokka {clock}
        {few} prosent svarte ja til forslaget
        brua ble bygd i {year} og er {few} meter lang
        komiteen har møte i {place} hver {small_ordinal} {weekday}
        hun vant for {small} dager siden i {place}
        loven trådte i kraft den {date} {year}
        """
    ),
    months=_NORWEGIAN_MONTHS,
    weekdays=_words("mandag tirsdag onsdag torsdag fredag lørdag søndag"),
    first_names=_NORWEGIAN_NAMES,
    surnames=_NORWEGIAN_SURNAMES,
    places=_NORWEGIAN_PLACES,
    half="halv",
    quarter="kvart",
    before="på",
    after="over",
    minutes="",
)
_NYNORSK = Phrases(
    templates=_lines(
        """
        møtet byrjar klokka {clock} på {weekday}
        toget til {place} går klokka {clock}
        vi sest {weekday} den {date} klokka {clock}
        {name} {surname} vart fødd den {date} {year}
        {name} flytta frå {place} til {place} i {year}
        det er {count} kilometer til {place}
        det kom {count} gjester til festen i {place}
        huset kosta {count} kroner i {year}
        prisen er {count} kroner for {small} stykke
        {name} og {name} har budd i {place} i {few} år
        det var den {ordinal} gongen på {small} år
        {name} {surname} vart nummer {small} av {few} løparar
        klokka er {clock} i {place}
        eg har venta på {name} sidan klokka {clock}
        temperaturen i {place} var {small} grader om morgonen
        det bur {count} menneske i kommunen
        partiet fekk {count} røyster ved valet i {year}
        {name} er {few} år og kjem frå {place}
        rekninga må betalast innan den {date}
        ring til {name} {surname} på {digits}
        kontoret er ope frå klokka {clock} til klokka {clock}
        {few} prosent svara ja til framlegget
        brua vart bygd i {year} og er {few} meter lang
        komiteen har møte i {place} kvar {small_ordinal} {weekday}
        ho vann for {small} dagar sidan i {place}
        lova tok til å gjelda den {date} {year}
        """
    ),
    months=_NORWEGIAN_MONTHS,
    weekdays=_words("måndag tysdag onsdag torsdag fredag laurdag sundag"),
    first_names=_NORWEGIAN_NAMES,
    surnames=_NORWEGIAN_SURNAMES,
    places=_NORWEGIAN_PLACES,
    half="halv",
    quarter="kvart",
    before="på",
    after="over",
    minutes="",
)
PHRASES = {"da": _DANISH, "nb": _BOKMAAL, "nn": _NYNORSK}
"""By language."""
