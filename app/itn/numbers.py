"""The words of a sentence in, the same with numbers, dates and clock times in digits out."""

from collections.abc import Callable, Sequence

from app.itn import amounts, clock, dates
from app.itn.cardinals import NumberReader
from app.itn.lexicon import lexicon
from app.itn.written import Written

_Rule = Callable[[NumberReader, int], tuple[Written, ...]]

# The first that applies wins: what says more about itself comes first.
_RULES: tuple[_Rule, ...] = (
    clock.clock_time,
    dates.date,
    dates.month_and_year,
    dates.century,
    dates.year,
    amounts.decimal,
    amounts.run_of_digits,
    amounts.amounts_in_range,
    amounts.approximately,
    amounts.cardinal,
    amounts.ordinal,
)


def write_numbers(
    words: Sequence[str], language: str, *, pauses: frozenset[int] = frozenset()
) -> tuple[Written, ...]:
    """Write what was said as people write it, every word in exactly one piece, in order.

    Args:
        words: of one sentence, in lower case.
        language: `da`, `nb`, `nn` or `no`; the words of another one stay as they are.
        pauses: indexes of words with a pause before them, which no number goes across.
    """
    known = lexicon(language)
    if known is None:
        return tuple(Written(word, i, i) for i, word in enumerate(words))
    reader = NumberReader(tuple(words), known, pauses)
    pieces: list[Written] = []
    place = 0
    while place < len(words):
        rules = _RULES if reader.may_begin(place) else ()
        found = next((p for rule in rules if (p := rule(reader, place))), None)
        pieces += found or (Written(words[place], place, place),)
        place = pieces[-1].last + 1
    return tuple(pieces)
