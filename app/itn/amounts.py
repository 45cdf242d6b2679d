"""Amounts: writes decimals, runs of digits, ranges, cardinals and ordinals in digits.

The style of Norwegian and Danish newspapers: below ten in words, from ten in digits; a small number
is in digits before a unit, in a range with a larger number, and where it is a name.
"""

from itertools import groupby, pairwise

from app.itn.cardinals import Cardinal, NumberReader, Written, verbatim
from app.itn.lexicon import Lexicon

_TEN, _HUNDRED, _MILLION = 10, 100, 1_000_000
_GROUPED = 10_000
_RUN, _LONG_RUN = 3, 8
_HALVES = frozenset({"halv", "halvt"})


def digits(value: int, lexicon: Lexicon) -> str:
    """Returns a number in digits, in groups of three from 10 000 on, as the language writes it."""
    if value < _GROUPED:
        return str(value)
    return f"{value:,}".replace(",", lexicon.separator)


def decimal(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns a number with decimals, or with `og en halv` where that is in digits; or ()."""
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
    """Returns three or more numbers in a row, such as a telephone number; or ()."""
    items = _run(reader, place)
    if len(items) < _RUN:
        return ()
    values = [item.value for item in items]
    if all(later == earlier + 1 for earlier, later in pairwise(values)):
        return verbatim(reader.words, place, items[-1].end) if values[-1] < _TEN else ()
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
    """Returns the two amounts of a range, both in digits if one of them is; or ()."""
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
    """Returns an approximate amount, such as `ti femten minutter`; or ()."""
    low = reader.cardinal(place, ones_first=False)
    high = (
        reader.cardinal(low.end, ones_first=False)
        if low and low.end < reader.reach(place)
        else None
    )
    if low is None or high is None or not reader.is_counted(high.end):
        return ()
    # Approximations are not wider than this: "åtte ti", "ti femten", "ti tjue".
    if not low.value < high.value <= 2 * low.value or not _TEN <= high.value < _HUNDRED:
        return ()
    return (Written(f"{low.value}\N{EN DASH}{high.value}", place, high.end - 1),)


def cardinal(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns a number in the style above, in digits or in words; () where there is none."""
    lexicon, words = reader.lexicon, reader.words
    number = reader.cardinal(place, ones_first=not reader.is_any(place - 1, lexicon.between))
    if number is None:
        return ()
    scale = lexicon.millions.get(words[number.end - 1])
    if scale and number.value % scale == 0 and number.end > place + 1:
        factor = number.value // scale
        if factor == 1:
            return verbatim(words, place, number.end)
        return (
            Written(digits(factor, lexicon), place, number.end - 2),
            Written(words[number.end - 1], number.end - 1, number.end - 1, glued=True),
        )
    if number.atoms[0].kind != "small" and reader.is_any(place - 1, lexicon.vague):
        in_digits = False  # "flere hundre tusen"
    elif number.bare:
        in_digits = reader.is_counted(number.end)
    elif number.value < _TEN:
        named = reader.is_any(place - 1, lexicon.labels)
        in_digits = _plain(number) and (named or reader.is_any(number.end, lexicon.units))
    else:
        in_digits = True
    if not in_digits:
        return verbatim(words, place, number.end)
    return (Written(digits(number.value, lexicon), place, number.end - 1),)


def ordinal(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns an ordinal from ten on; or ()."""
    found = reader.ordinal(place)
    if found is None or found[0] < _TEN:
        return ()
    return (Written(f"{found[0]}.", place, found[1] - 1),)


def _plain(number: Cardinal) -> bool:
    """Returns whether a number is no article, no figure of speech and below a million."""
    lone = len(number.atoms) == 1 and number.atoms[0].article
    return not lone and not number.bare and number.value < _MILLION


def _fraction(reader: NumberReader, place: int) -> tuple[str, int] | None:
    """Returns the decimals after `komma`, digit by digit or one number below a hundred."""
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
    """Returns numbers below a hundred in a row, without articles at either end."""
    items: list[Cardinal] = []
    end, reach = place, reader.reach(place)
    while end < reach:
        item = reader.cardinal(end, ones_first=False)
        if item is None or item.value >= _HUNDRED:
            # the next number is larger, and the word before is part of it
            return items if item is None else []
        items.append(item)
        end = item.end
    if len(items) > 1 and items[0].atoms[0].article and any(i.value >= _TEN for i in items):
        return []
    while items and items[-1].atoms[0].article and end < len(reader.words):
        end -= 1
        items.pop()
    return items
