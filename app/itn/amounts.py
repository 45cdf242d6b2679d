"""Amounts: decimals, runs of digits, ranges, cardinals and ordinals in, digits out.

The house style of Norwegian and Danish papers: below ten in words, from ten in digits; a small
number gets digits before a unit, in a range with a larger one and where it is a name.
"""

from itertools import groupby, pairwise

from app.itn.cardinals import Cardinal, NumberReader
from app.itn.lexicon import Lexicon
from app.itn.written import Written, as_said

_TEN, _HUNDRED, _MILLION = 10, 100, 1_000_000
_GROUPED = 10_000
_RUN, _LONG_RUN = 3, 8
_HALVES = frozenset({"halv", "halvt"})


def digits(value: int, lexicon: Lexicon) -> str:
    """A number in digits, in groups of three from 10 000 on, as the language writes them."""
    if value < _GROUPED:
        return str(value)
    return f"{value:,}".replace(",", lexicon.separator)


def decimal(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """A number with decimals, or `og en halv` where it gives digits; or nothing."""
    whole = reader.cardinal(place)
    if whole is None or whole.bare or whole.value >= _MILLION:
        return ()
    lexicon, words = reader.lexicon, reader.words
    fraction = _fraction(reader, whole.end)
    if fraction is None:
        half = words[whole.end : whole.end + 3]
        if len(half) < 3 or half[0] != lexicon.link or half[1] not in lexicon.ones:  # noqa: PLR2004
            return ()
        scaled = reader.is_any(whole.end + 3, frozenset(lexicon.millions))
        if half[2] not in _HALVES or (whole.value < _TEN and not scaled):
            return ()
        fraction = "5", whole.end + 3
    text = f"{digits(whole.value, lexicon)},{fraction[0]}"
    pieces = (Written(text, place, fraction[1] - 1),)
    if reader.is_any(fraction[1], frozenset(lexicon.millions)):
        return (*pieces, Written(words[fraction[1]], fraction[1], fraction[1], glued=True))
    return pieces


def run_of_digits(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Three or more numbers in a row, as telephone numbers are said; or nothing."""
    items = _run(reader, place)
    if len(items) < _RUN:
        return ()
    values = [item.value for item in items]
    if all(later == earlier + 1 for earlier, later in pairwise(values)):
        return as_said(reader.words, place, items[-1].end) if values[-1] < _TEN else ()
    starts = [place, *(item.end for item in items)]
    spans = [(str(v), a, b) for v, (a, b) in zip(values, pairwise(starts), strict=True)]
    groups: list[list[tuple[str, int, int]]] = []
    for single, members in groupby(spans, key=lambda span: len(span[0]) == 1):
        found = list(members)
        size = len(found) if single else 1
        if len(found) == len(spans) >= _LONG_RUN and len(spans) % 2 == 0:
            size = 2 if single else 1
        groups += [found[i : i + size] for i in range(0, len(found), size)]
    return tuple(
        Written("".join(text for text, *_ in group), group[0][1], group[-1][2] - 1, glued=index > 0)
        for index, group in enumerate(groups)
    )


def amounts_in_range(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Two amounts that belong together, both in digits if one of them is; or nothing."""
    lexicon, words = reader.lexicon, reader.words
    between = reader.is_any(place - 1, lexicon.between)
    low = reader.cardinal(place, ones_first=not between)
    if low is None:
        return ()
    joined = reader.is_any(low.end, lexicon.ranges) or (
        between and reader.is_any(low.end, frozenset({lexicon.link}))
    )
    high = reader.cardinal(low.end + 1, ones_first=False) if joined else None
    if high is None or not (_plain(low) and _plain(high)):
        return ()
    if max(low.value, high.value) < _TEN and not reader.is_any(high.end, lexicon.units):
        return ()
    return (
        Written(digits(low.value, lexicon), place, low.end - 1),
        Written(words[low.end], low.end, low.end, glued=True),
        Written(digits(high.value, lexicon), low.end + 1, high.end - 1, glued=True),
    )


def approximately(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Two amounts for one, as in `ti femten minutter`, before what is counted; or nothing."""
    low = reader.cardinal(place, ones_first=False)
    high = (
        reader.cardinal(low.end, ones_first=False)
        if low and low.end < reader.reach(place)
        else None
    )
    if low is None or high is None or not reader.counts_something(high.end):
        return ()
    # Nobody guesses more widely than that: "åtte ti", "ti femten", "ti tjue".
    if not low.value < high.value <= 2 * low.value or not _TEN <= high.value < _HUNDRED:
        return ()
    return (Written(f"{low.value}\N{EN DASH}{high.value}", place, high.end - 1),)


def cardinal(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """A number by the house style, which may be as it was said; nothing where there is none."""
    lexicon, words = reader.lexicon, reader.words
    said = reader.cardinal(place, ones_first=not reader.is_any(place - 1, lexicon.between))
    if said is None:
        return ()
    scale = lexicon.millions.get(words[said.end - 1])
    if scale and said.value % scale == 0 and said.end > place + 1:
        factor = said.value // scale
        if factor == 1:
            return as_said(words, place, said.end)
        return (
            Written(digits(factor, lexicon), place, said.end - 2),
            Written(words[said.end - 1], said.end - 1, said.end - 1, glued=True),
        )
    if said.atoms[0].kind != "small" and reader.is_any(place - 1, lexicon.vague):
        wanted = False  # "flere hundre tusen"
    elif said.bare:
        wanted = reader.counts_something(said.end)
    elif said.value < _TEN:
        named = reader.is_any(place - 1, lexicon.labels)
        wanted = _plain(said) and (named or reader.is_any(said.end, lexicon.units))
    else:
        wanted = True
    if not wanted:
        return as_said(words, place, said.end)
    return (Written(digits(said.value, lexicon), place, said.end - 1),)


def ordinal(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """An ordinal from ten on; or nothing."""
    found = reader.ordinal(place)
    if found is None or found[0] < _TEN:
        return ()
    return (Written(f"{found[0]}.", place, found[1] - 1),)


def _plain(number: Cardinal) -> bool:
    """Neither an article, nor a figure of speech, nor in millions."""
    lone = len(number.atoms) == 1 and number.atoms[0].article
    return not lone and not number.bare and number.value < _MILLION


def _fraction(reader: NumberReader, place: int) -> tuple[str, int] | None:
    """What is said after `komma`: digit by digit, or one number below a hundred."""
    if not reader.is_any(place, frozenset({reader.lexicon.comma})):
        return None
    first = reader.small(place + 1)
    if first is None:
        return None
    text, end = str(first), place + 2
    while first < _TEN and (digit := reader.small(end)) is not None and digit < _TEN:
        if reader.atoms(end)[0].article and reader.small(end + 1) is None:
            break  # "to komma fem en": an article
        text, end = text + str(digit), end + 1
    return text, end


def _run(reader: NumberReader, place: int) -> list[Cardinal]:
    """Numbers below a hundred that follow each other; articles at the ends are none."""
    items: list[Cardinal] = []
    end, reach = place, reader.reach(place)
    while end < reach:
        item = reader.cardinal(end, ones_first=False)
        if item is None or item.value >= _HUNDRED:
            # what is left begins a larger number, which takes its first word along
            return items if item is None else []
        items.append(item)
        end = item.end
    if len(items) > 1 and items[0].atoms[0].article and any(i.value >= _TEN for i in items):
        return []
    while items and items[-1].atoms[0].article and end < len(reader.words):
        end -= 1
        items.pop()
    return items
