"""Writes the numbers, dates and clock times of a sentence in digits."""

from collections.abc import Callable, Sequence

from app.itn import amounts, clock, dates
from app.itn.cardinals import NumberReader, Written
from app.itn.lexicon import lexicon

_Rule = Callable[[NumberReader, int], tuple[Written, ...]]

# The first rule that applies wins; more specific rules come first.
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
    """Writes numbers, dates and clock times in digits.

    Args:
        words: of one sentence, in lower case.
        language: `da`, `nb`, `nn` or `no`; words of other languages stay unchanged.
        pauses: indexes of words after a pause; no number continues across a pause.

    Returns:
        Pieces in order, with every word in exactly one of them.
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
