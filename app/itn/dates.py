"""Dates, years and centuries: `den tolvte mai nitten førtito` becomes `den 12. mai 1942`."""

from app.itn.cardinals import NumberReader, Written, evaluate, split_word, year_pair

_MAX_DAY, _MONTHS = 31, 12
_MIN_YEAR, _MAX_YEAR = 1000, 2100
_SURE = 18
_HUNDRED, _TEN, _TWENTY, _ELEVEN_HUNDRED = 100, 10, 20, 1100
_THE, _IN = "den", "i"


def date(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns a day and its month, with the year if there is one; or ()."""
    found = reader.ordinal(place)
    if found is None or found[0] > _MAX_DAY:
        return ()
    day, end = found
    lexicon, words = reader.lexicon, reader.words
    if day == 2 and reader.is_any(place - 1, lexicon.every):  # noqa: PLR2004 - every other May
        return ()
    if reader.is_any(end, frozenset(lexicon.months)):
        pieces = Written(f"{day}.", place, end - 1), Written(words[end], end, end, glued=True)
        return pieces + _year_after(reader, end + 1)
    announced = words[place - 1 : place] == (_THE,) and words[end : end + 1] == (_IN,)
    month = reader.ordinal(end + 1) if announced else None
    return _numeric(reader, place, day, month) if month and month[0] <= _MONTHS else ()


def month_and_year(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns a month with the year after it; or ()."""
    if reader.words[place] not in reader.lexicon.months:
        return ()
    year = _year_after(reader, place + 1)
    return (Written(reader.words[place], place, place), *year) if year else ()


def year(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns a year in two halves, where it cannot be something else; or ()."""
    expected = reader.is_any(place - 1, reader.lexicon.before_year)
    found = year_at(reader, place, expected=expected, halves=True)
    return (Written(found[0], place, found[1] - 1),) if found else ()


def year_at(
    reader: NumberReader, place: int, *, expected: bool, halves: bool = False
) -> tuple[str, int] | None:
    """Returns a year and where it ends.

    Args:
        reader: the sentence.
        place: index of its first word.
        expected: the words before announce a year.
        halves: only years in two halves, such as `nitten førtito`.
    """
    reach = reader.reach(place)
    for end in range(min(place + 3, reach), place, -1):
        value = year_pair([atom for i in range(place, end) for atom in reader.atoms(i)])
        if value is None or reader.is_counted(end):
            continue
        if expected or end == place + 1 or _stands_alone(reader, place, end, value):
            return str(value), end
    number = None if halves else reader.cardinal(place)
    if number and _MIN_YEAR <= number.value <= _MAX_YEAR and not number.bare:
        return None if reader.is_counted(number.end) else (str(number.value), number.end)
    return None


def century(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns a decade or century, `nitten åttitallet` or `attenhundretallet`; or ()."""
    for end in range(min(place + 3, len(reader.words)), place, -1):
        atoms = [atom for i in range(place, end - 1) for atom in reader.atoms(i)]
        if not all(reader.atoms(i) for i in range(place, end - 1)):
            continue
        word = reader.words[end - 1]
        ending = next((e for e in reader.lexicon.century_endings if word.endswith(e)), None)
        if ending is None:
            continue
        atoms += split_word(word.removesuffix(ending), reader.lexicon)
        value = year_pair(atoms) or evaluate(atoms, reader.lexicon) or 0
        # "tretallet" and "hundretallet" are no decades
        if value % _TEN == 0 and (_TWENTY <= value < _HUNDRED or value >= _ELEVEN_HUNDRED):
            return (Written(f"{value}-{ending}", place, end - 1),)
    return ()


def _stands_alone(reader: NumberReader, place: int, end: int, value: int) -> bool:
    """Returns whether two halves are a year without an announcement: no list, no `sytten atten`."""
    first, second = divmod(value, _HUNDRED)
    neighbours = reader.atoms(place - 1) or (reader.atoms(end) if end < reader.reach(place) else ())
    listed = any(atom.kind != "link" for atom in neighbours)
    return first >= _SURE and second != first + 1 and not listed


def _numeric(
    reader: NumberReader, place: int, day: int, month: tuple[int, int]
) -> tuple[Written, ...]:
    """Returns a date with its month in digits; not for "den første i sjette klasse"."""
    year = year_at(reader, month[1], expected=True)
    if year:
        return (Written(f"{day}.{month[0]}.{year[0]}", place, year[1] - 1),)
    last = month[1] == len(reader.words)
    return (Written(f"{day}.{month[0]}.", place, month[1] - 1),) if last else ()


def _year_after(reader: NumberReader, place: int) -> tuple[Written, ...]:
    found = year_at(reader, place, expected=True)
    return (Written(found[0], place, found[1] - 1, glued=True),) if found else ()
