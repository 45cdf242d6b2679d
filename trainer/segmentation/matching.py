"""Finds the words of a transcript that each phrase of a recording has.

Each phrase is matched alone; those that agree with their words and ascend together are anchors,
which bound the words that the phrases between them may have, the longest of these first (Moreno et
al. 1998). A phrase agrees with its words where, nowhere in it, another text is much more probable.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.contract.answers import AlignedWord
from trainer.segmentation.fitting import Fit, fit
from trainer.segmentation.phrases import Phrase
from trainer.segmentation.reading import MAX_LETTER_COST, Doubt, Reader

_MAX_DISTANCE = 0.4  # of the letters that were read; above it the words are others
_MAX_UNSPOKEN = 3  # words amid a phrase that were written and not said
_SHORT = 8  # letters; what is shorter occurs often
_AROUND_SECONDS = 15.0  # how far the first alignment may be wrong


@dataclass(frozen=True, slots=True)
class Match:
    """The words of a phrase, from `first` up to `past`, but for those of `unspoken`.

    `agrees` is whether they are what is said in it, as far as the model can judge; `doubt` is how
    much speaks against it, and at which word of the transcript.
    """

    first: int
    past: int
    agrees: bool
    doubt: Doubt
    unspoken: tuple[int, ...] = ()

    @property
    def words(self) -> list[int]:
        """The indexes of the words that are said."""
        return [index for index in range(self.first, self.past) if index not in self.unspoken]


class Matcher:
    """Matches the phrases of one recording with the words of its transcript.

    Args:
        words: of the transcript, normalised.
        reader: reads them in the recording.
    """

    def __init__(self, words: Sequence[str], reader: Reader) -> None:
        self._words = words
        self._reader = reader

    def match(
        self, phrases: Sequence[Phrase], located: Sequence[AlignedWord]
    ) -> list[Match | None]:
        """Returns the match of each phrase; None for what is not in the transcript.

        Args:
            phrases: in their order.
            located: roughly where each word is, all words in their order.
        """
        neighbourhood = _Neighbourhood(located)
        around = [neighbourhood.around(phrase) for phrase in phrases]
        found: list[Match | None] = [None] * len(phrases)
        kept = self._anchors(phrases, around, found)
        for index in sorted(range(len(phrases)), key=lambda place: -len(phrases[place].letters)):
            if index not in kept:
                self._place(index, phrases, around[index], found, kept)
        return found

    def _anchors(
        self,
        phrases: Sequence[Phrase],
        around: Sequence[tuple[int, int]],
        found: list[Match | None],
    ) -> list[int]:
        """Sets the matches that agree and ascend together, with most letters; returns the indexes.

        Each phrase is matched alone, so that one whose words were written elsewhere bounds no
        other.
        """
        alone: dict[int, Match] = {}
        for index, phrase in enumerate(phrases):
            if len(phrase.letters) >= _SHORT:
                match = self._match(phrase, *around[index])
                if match is not None and match.agrees:
                    alone[index] = match
        kept = _heaviest_chain(alone, [len(phrase.letters) for phrase in phrases])
        for index in kept:
            found[index] = alone[index]
        return kept

    def _place(
        self,
        index: int,
        phrases: Sequence[Phrase],
        around: tuple[int, int],
        found: list[Match | None],
        kept: list[int],
    ) -> None:
        """Matches a phrase between those that are kept, and keeps it where it agrees."""
        place = bisect_left(kept, index)
        before = found[kept[place - 1]] if place else None
        after = found[kept[place]] if place < len(kept) else None
        low = max(around[0], before.past if before else 0)
        high = min(around[1], after.first if after else len(self._words))
        match = self._match(phrases[index], low, high)
        if match is not None and match.agrees:
            joins = (before is not None and kept[place - 1] == index - 1) and (
                match.first == before.past
            )
            joins |= (after is not None and kept[place] == index + 1) and match.past == after.first
            if len(phrases[index].letters) >= _SHORT or joins:
                insort(kept, index)
            else:
                match = replace(match, agrees=False, unspoken=())
        found[index] = match

    def _match(self, phrase: Phrase, low: int, high: int) -> Match | None:
        nearest = self._nearest(phrase, low, high)
        if nearest is None:
            return None
        first, past = self._most_probable(phrase, nearest.first, nearest.past, low, high)
        words = list(range(first, past))
        unspoken: list[int] = []
        doubt = self._doubt(phrase, words)
        while doubt.value > 1 and len(unspoken) < _MAX_UNSPOKEN and len(words) > 1:
            word, saved = self._least_probable(phrase, words, words.index(doubt.word))
            if saved < MAX_LETTER_COST * len(self._words[word]):
                break
            words.remove(word)
            unspoken.append(word)
            doubt = self._doubt(phrase, words)
        agrees = doubt.value <= 1
        return Match(first, past, agrees, doubt, tuple(unspoken) if agrees else ())

    def _doubt(self, phrase: Phrase, words: Sequence[int]) -> Doubt:
        found = self._reader.doubt(
            phrase.start, phrase.end, self._texts(words), phrase.text.split()
        )
        return Doubt(found.value, words[found.word])

    def _cost(self, phrase: Phrase, words: Sequence[int]) -> float:
        return self._reader.cost(phrase.start, phrase.end, self._texts(words))

    def _texts(self, words: Sequence[int]) -> list[str]:
        return [self._words[index] for index in words]

    def _most_probable(
        self, phrase: Phrase, first: int, past: int, low: int, high: int
    ) -> tuple[int, int]:
        """Moves the first and the last word as long as that makes the words more probable."""
        cost = self._cost(phrase, range(first, past))
        while True:
            moved = [
                (start, stop)
                for start, stop in (
                    (first - 1, past),
                    (first + 1, past),
                    (first, past - 1),
                    (first, past + 1),
                )
                if low <= start < stop <= high
            ]
            costs = {edges: self._cost(phrase, range(*edges)) for edges in moved}
            best = min(costs, key=lambda edges: costs[edges], default=(first, past))
            if not moved or costs[best] >= cost:
                return first, past
            (first, past), cost = best, costs[best]

    def _least_probable(
        self, phrase: Phrase, words: Sequence[int], place: int
    ) -> tuple[int, float]:
        """Returns which word at or beside a place is best left out, and what that saves."""
        costs = {
            word: self._cost(phrase, [other for other in words if other != word])
            for word in words[max(place - 1, 0) : place + 2]
        }
        least = min(costs, key=lambda word: costs[word])
        return least, self._cost(phrase, words) - costs[least]

    def _nearest(self, phrase: Phrase, low: int, high: int) -> Fit | None:
        best: Fit | None = None
        share = _MAX_DISTANCE
        for reading in phrase.readings:
            if not reading or high <= low:
                continue
            found = fit(reading, self._words[low:high])
            if found.past > found.first and found.distance / len(reading) <= share:
                share = found.distance / len(reading)
                best = Fit(found.first + low, found.past + low, found.distance)
        return best


def _heaviest_chain(matches: Mapping[int, Match], weights: Sequence[int]) -> list[int]:
    """Returns the phrases whose words ascend with them and whose weights have the largest sum."""
    indexes = sorted(matches)
    firsts = np.array([matches[index].first for index in indexes])
    pasts = np.array([matches[index].past for index in indexes])
    sums = np.zeros(len(indexes), np.int64)
    before = np.full(len(indexes), -1)
    for place, index in enumerate(indexes):
        lighter = np.where(pasts[:place] <= firsts[place], sums[:place], 0)
        if lighter.any():
            before[place] = lighter.argmax()
        sums[place] = weights[index] + lighter.max(initial=0)
    chain: list[int] = []
    place = int(sums.argmax()) if indexes else -1
    while place >= 0:
        chain.append(indexes[place])
        place = int(before[place])
    return chain[::-1]


class _Neighbourhood:
    """Which words may be said at a time, from where a first alignment has found words."""

    def __init__(self, located: Sequence[AlignedWord]) -> None:
        placed = [
            (index, word.start, word.end)
            for index, word in enumerate(located)
            if word.start is not None and word.end is not None
        ]
        self._count = len(located)
        self._indexes = [index for index, _, _ in placed]
        self._starts = [start for _, start, _ in placed]
        self._ends = [end for _, _, end in placed]

    def around(self, phrase: Phrase) -> tuple[int, int]:
        """Returns the first word that may be in a phrase, and the one past the last."""
        first = bisect_left(self._starts, phrase.start - _AROUND_SECONDS)
        past = bisect_left(self._ends, phrase.end + _AROUND_SECONDS)
        return (
            self._indexes[first - 1] + 1 if first else 0,
            self._indexes[past] if past < len(self._indexes) else self._count,
        )
