"""Finds the most frequent errors: words, words split or joined, and characters."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainer.evaluation.alignment import Alignment, Chunk, align_words

_MAX_JOIN = 4


@dataclass(frozen=True, slots=True)
class Confusion:
    """What was spoken, what was written instead, and how often; empty is nothing."""

    said: str
    written: str
    count: int


@dataclass(frozen=True, slots=True)
class Confusions:
    """The most frequent errors of a decoding, and how many of their kind there are in all.

    `split` are words written as several, `joined` are several words written as one; the words
    in them are not among the substituted, dropped and added ones.
    """

    substituted: tuple[Confusion, ...]
    dropped: tuple[Confusion, ...]
    added: tuple[Confusion, ...]
    split: tuple[Confusion, ...]
    joined: tuple[Confusion, ...]
    characters: tuple[Confusion, ...]
    totals: dict[str, int]


def count_confusions(
    words: Sequence[Alignment], characters: Sequence[Alignment], *, most: int
) -> Confusions:
    """Counts every kind of error, and keeps the `most` frequent of each.

    Ties are in alphabetical order, so that the same evaluation gives the same list.
    """
    found: dict[str, Counter[tuple[str, str]]] = {
        kind: Counter() for kind in ("substituted", "dropped", "added", "split", "joined")
    }
    for alignment in words:
        for region in _regions(alignment):
            _count_region(region, found)
    letters: Counter[tuple[str, str]] = Counter()
    for alignment in characters:
        for chunk in alignment.chunks:
            letters.update(_pairs(chunk))
    found["characters"] = letters
    return Confusions(
        **{kind: most_frequent(counter, most) for kind, counter in found.items()},
        totals={kind: counter.total() for kind, counter in found.items()},
    )


def _regions(alignment: Alignment) -> Iterator[list[Chunk]]:
    """Yields the stretches between words that are right."""
    region: list[Chunk] = []
    for chunk in alignment.chunks:
        if chunk.kind != "equal":
            region.append(chunk)
        elif region:
            yield region
            region = []
    if region:
        yield region


def _count_region(region: list[Chunk], found: dict[str, Counter[tuple[str, str]]]) -> None:
    spoken = [word for chunk in region for word in chunk.reference]
    written = [word for chunk in region for word in chunk.hypothesis]
    joins = [*_joins(spoken, written)]
    splits = [*_joins(written, spoken)]
    if not joins and not splits:
        _count_chunks(region, found)
        return
    for start, stop, whole in joins:
        found["joined"][" ".join(spoken[start:stop]), written[whole]] += 1
    for start, stop, whole in splits:
        found["split"][spoken[whole], " ".join(written[start:stop])] += 1
    spoken_in = {whole for _, _, whole in splits} | _covered(joins)
    written_in = {whole for _, _, whole in joins} | _covered(splits)
    # The cheapest edit may have taken a word that is right for a part of such a word.
    (rest,) = align_words(
        [" ".join(word for place, word in enumerate(spoken) if place not in spoken_in)],
        [" ".join(word for place, word in enumerate(written) if place not in written_in)],
    )
    _count_chunks(rest.chunks, found)


def _count_chunks(chunks: Sequence[Chunk], found: dict[str, Counter[tuple[str, str]]]) -> None:
    for chunk in chunks:
        for pair in _pairs(chunk):
            found[_kind(pair)][pair] += 1


def _joins(parts: list[str], wholes: list[str]) -> Iterator[tuple[int, int, int]]:
    """Yields (start, stop, place): parts[start:stop] put together is wholes[place]."""
    start = 0
    taken: set[int] = set()
    while start < len(parts):
        for stop in range(start + 2, min(start + _MAX_JOIN, len(parts)) + 1):
            together = "".join(parts[start:stop])
            place = next(
                (i for i, whole in enumerate(wholes) if whole == together and i not in taken), None
            )
            if place is not None:
                yield start, stop, place
                taken.add(place)
                start = stop - 1
                break
        start += 1


def _covered(joins: list[tuple[int, int, int]]) -> set[int]:
    return {place for start, stop, _ in joins for place in range(start, stop)}


def _pairs(chunk: Chunk) -> Iterator[tuple[str, str]]:
    if chunk.kind == "substitute":
        yield from zip(chunk.reference, chunk.hypothesis, strict=True)
    elif chunk.kind == "delete":
        yield from ((unit, "") for unit in chunk.reference)
    elif chunk.kind == "insert":
        yield from (("", unit) for unit in chunk.hypothesis)


def _kind(pair: tuple[str, str]) -> str:
    spoken, written = pair
    if spoken and written:
        return "substituted"
    return "dropped" if spoken else "added"


def most_frequent(counter: Counter[tuple[str, str]], most: int) -> tuple[Confusion, ...]:
    """Returns the `most` frequent pairs of said and written; ties in alphabetical order."""
    ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Confusion(spoken, written, count) for (spoken, written), count in ranked[:most])
