"""Clock times: `klokka halv åtte` becomes `klokka 7.30`.

Times relative to the hour or the half hour are recognised anywhere; a bare number is a time only
after `klokka` or `klokken`. Morning or evening is not guessed: `halv åtte` is 7.30.
"""

from app.itn.cardinals import NumberReader, Written, verbatim

_HALF, _QUARTER, _HOUR = 30, 15, 60
_HOURS, _DAY = 12, 24
_TEN = 10
_AND = "og"
_ONWARDS = frozenset({"til", "eller"})


def clock_time(reader: NumberReader, place: int) -> tuple[Written, ...]:
    """Returns a time of day at a word, with the words before it that announce it; or ()."""
    lexicon, words = reader.lexicon, reader.words
    if words[place] not in lexicon.clocks:
        found = _relative(reader, place, announced=False)
        return (Written(found[0], place, found[1] - 1),) if found else ()
    start = place + 1
    time = _time(reader, start)
    while time is None and start < place + 3 and reader.is_any(start, lexicon.about):
        start += 1
        time = _time(reader, start)
    if time is None:
        return ()
    onwards = _ONWARDS
    if reader.is_any(place - 1, lexicon.between) or reader.is_any(start - 1, lexicon.between):
        onwards |= {_AND}
    pieces = [*verbatim(words, place, start), Written(time[0], start, time[1] - 1, glued=True)]
    while reader.is_any(time[1], onwards) and (later := _time(reader, time[1] + 1)):
        pieces.append(Written(words[time[1]], time[1], time[1], glued=True))
        pieces.append(Written(later[0], time[1] + 1, later[1] - 1, glued=True))
        time = later
    return tuple(pieces)


def _time(reader: NumberReader, place: int) -> tuple[str, int] | None:
    return _relative(reader, place, announced=True) or _digital(reader, place)


def _relative(reader: NumberReader, place: int, *, announced: bool) -> tuple[str, int] | None:
    """Returns a time relative to the hour or the half hour, and where it ends."""
    lexicon, words = reader.lexicon, reader.words
    minutes, at, sure = 0, place, announced
    if reader.is_any(place + reader.is_any(place, lexicon.ones), lexicon.quarters):
        minutes, at, sure = _QUARTER, place + 1 + reader.is_any(place, lexicon.ones), True
    elif (number := reader.cardinal(place)) and 0 < number.value < _HALF and place < len(words):
        named = reader.is_any(number.end, lexicon.minutes)
        minutes, at, sure = number.value, number.end + named, announced or named
    if minutes:
        if not reader.is_any(at, lexicon.before, lexicon.after):
            return None
        minutes = -minutes if words[at] in lexicon.before else minutes
        at += 1
    half = at < len(words) and words[at] == lexicon.half
    if not minutes and not half:
        return None
    hour = reader.small(at + half)
    end = at + half + 1
    if hour is None or not 0 < hour <= _HOURS or reader.is_counted(end):
        return None
    if not minutes and not announced:
        # "en halv to", "halv en": half of something, or cut short
        sure = hour > 1 and not reader.is_any(place - 1, lexicon.ones)
    if not sure and not (minutes and half):
        return None
    total = (hour * _HOUR - half * _HALF + minutes) % (_HOURS * _HOUR)
    return f"{total // _HOUR or _HOURS}.{total % _HOUR:02d}", end


def _digital(reader: NumberReader, place: int) -> tuple[str, int] | None:
    """Returns an hour with its minutes, if there are any, and where it ends."""
    found = _below(reader, place, _DAY + 1)
    if found is None:
        return None
    hour, end = found
    text = str(hour)
    if hour == 0 and (next_hour := reader.small(end)) is not None and next_hour < _TEN:
        # "null åtte", but "null null tretti" is half past midnight
        text, end = f"0{next_hour}", end + 1
    lone = end == place + 1 and reader.atoms(place)[0].article
    minutes = _minutes(reader, end)
    if minutes and not reader.is_counted(minutes[1]):
        return f"{text}.{minutes[0]}", minutes[1]
    if reader.is_counted(end):
        return None
    if lone and end < len(reader.words) and not reader.words[place].endswith("t"):
        return None  # "klokken en" and more: an article
    return text, end


def _minutes(reader: NumberReader, place: int) -> tuple[str, int] | None:
    if reader.small(place) == 0 and (one := reader.small(place + 1)) is not None and one < _TEN:
        return f"0{one}", place + 2
    found = _below(reader, place, _HOUR)
    return (str(found[0]), found[1]) if found and found[0] >= _TEN else None


def _below(reader: NumberReader, place: int, limit: int) -> tuple[int, int] | None:
    """Returns a number under a limit, the longest one, and where it ends."""
    number = reader.cardinal(place, ones_first=False)
    if number and number.value < limit and not number.bare:
        return number.value, number.end
    single = reader.small(place)
    return (single, place + 1) if single is not None and single < limit else None
