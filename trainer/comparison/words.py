"""Contrasts two systems word by word: what one writes rightly and the other does not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainer.evaluation.alignment import Alignment
from trainer.evaluation.confusions import Confusion, most_frequent


@dataclass(frozen=True, slots=True)
class Contrast:
    """How many words of the references both systems, one alone, or neither writes rightly.

    `first_words` are the most frequent words that the first alone has, with what the second wrote
    there; `second_words` the other way round.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    first_words: tuple[Confusion, ...]
    second_words: tuple[Confusion, ...]


def contrast_words(
    first: Sequence[Alignment], second: Sequence[Alignment], *, most: int
) -> Contrast:
    """Contrasts the alignments of two systems with the same references.

    Words that are not in the references are not counted here.
    """
    both = neither = 0
    missed_by_second: Counter[tuple[str, str]] = Counter()
    missed_by_first: Counter[tuple[str, str]] = Counter()
    for one, other in zip(first, second, strict=True):
        for (word, by_first), (_, by_second) in zip(_written(one), _written(other), strict=True):
            match word == by_first, word == by_second:
                case True, True:
                    both += 1
                case True, False:
                    missed_by_second[word, by_second] += 1
                case False, True:
                    missed_by_first[word, by_first] += 1
                case _:
                    neither += 1
    return Contrast(
        both,
        missed_by_second.total(),
        missed_by_first.total(),
        neither,
        most_frequent(missed_by_second, most),
        most_frequent(missed_by_first, most),
    )


def _written(alignment: Alignment) -> Iterator[tuple[str, str]]:
    """Yields each word of the reference and what stands in its place; nothing is empty."""
    for chunk in alignment.chunks:
        if chunk.kind == "delete":
            yield from ((word, "") for word in chunk.reference)
        elif chunk.kind != "insert":
            yield from zip(chunk.reference, chunk.hypothesis, strict=True)
