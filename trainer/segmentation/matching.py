"""Finds the words of a transcript that each phrase of a recording has.

Long phrases come first, since they are unlike all others, and the words of each bound those that
the phrases before and after it may have: anchors, and an alignment between them, as in Moreno et
al. 1998. A phrase agrees with its words where, nowhere in it, another text is much more probable.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.answers import AlignedWord
from app.decoding.alignment import reading_costs, word_times
from app.decoding.types import Emissions
from app.vocabulary import Vocabulary, spellings
from trainer.segmentation.fitting import Fit, fit
from trainer.segmentation.phrases import Phrase

_MAX_DISTANCE = 0.4  # of the letters that were read; above it the words are others
_MAX_COST = 15.0  # natural-log; of a part of a phrase
_COST_SECONDS = 0.4
_MAX_UNSPOKEN = 3  # words amid a phrase that were written and not said
_SHORT = 8  # letters; what is shorter occurs often
_AROUND_SECONDS = 15.0  # how far the first alignment may be wrong


@dataclass(frozen=True, slots=True)
class Match:
    """The words of a phrase, from `first` up to `past`, but for those of `unspoken`.

    `agrees` is whether they are what is said in it, as far as the model can judge.
    """

    first: int
    past: int
    agrees: bool
    unspoken: tuple[int, ...] = ()

    @property
    def words(self) -> list[int]:
        """The indexes of the words that are said."""
        return [index for index in range(self.first, self.past) if index not in self.unspoken]


@dataclass(frozen=True, slots=True)
class Cost:
    """How much more probable the most probable text is; natural-log, at least 0.

    `total` is that of a whole phrase, `most` that of the part of it where it is highest.
    """

    total: float
    most: float


class Matcher:
    """Matches the phrases of one recording with the words of its transcript.

    Args:
        words: of the transcript, normalised.
        emissions: of the recording, [frames, vocabulary].
        vocabulary: of the model.
        frame_seconds: length of a frame.
    """

    def __init__(
        self,
        words: Sequence[str],
        emissions: Emissions,
        vocabulary: Vocabulary,
        frame_seconds: float,
    ) -> None:
        self._words = words
        self._emissions = emissions
        self._vocabulary = vocabulary
        self._frame_seconds = frame_seconds
        capitals = not any(token.islower() for token in spellings(vocabulary))
        self._spelled = [word.upper() if capitals else word for word in words]

    def match(
        self, phrases: Sequence[Phrase], located: Sequence[AlignedWord]
    ) -> list[Match | None]:
        """Returns the match of each phrase; None for what is not in the transcript.

        Args:
            phrases: in their order.
            located: roughly where each word is, all words in their order.
        """
        neighbourhood = _Neighbourhood(located)
        found: list[Match | None] = [None] * len(phrases)
        kept: list[int] = []
        for index in sorted(range(len(phrases)), key=lambda place: -len(phrases[place].letters)):
            place = bisect_left(kept, index)
            before = found[kept[place - 1]] if place else None
            after = found[kept[place]] if place < len(kept) else None
            low, high = neighbourhood.around(phrases[index])
            low = max(low, before.past if before else 0)
            high = min(high, after.first if after else len(self._words))
            match = self._match(phrases[index], low, high)
            if match is None or not match.agrees:
                found[index] = match
                continue
            joins = (before is not None and kept[place - 1] == index - 1) and (
                match.first == before.past
            )
            joins |= (after is not None and kept[place] == index + 1) and match.past == after.first
            if len(phrases[index].letters) < _SHORT and not joins:
                found[index] = Match(match.first, match.past, agrees=False)
                continue
            found[index] = match
            insort(kept, index)
        return found

    def score(self, phrases: Sequence[Phrase], words: Sequence[int]) -> float:
        """Returns how probable the letters of the words are, 0 to 1: their geometric mean."""
        part, duration = self._part(phrases[0].start, phrases[-1].end)
        timed = word_times(
            part,
            [self._spelled[index] for index in words],
            self._vocabulary,
            frame_seconds=self._frame_seconds,
            duration=duration,
        )
        lengths = [len(word.word) for word in timed]
        logs = [np.log(max(word.confidence, 1e-9)) for word in timed]
        return float(np.exp(np.average(logs, weights=lengths)))

    def cost(self, phrase: Phrase, words: Sequence[int]) -> Cost:
        """Returns how much more probable another text of a phrase is than these words.

        It is infinite where the words cannot be spelled or are too long for the phrase.
        """
        part, _ = self._part(phrase.start, phrase.end)
        try:
            costs = reading_costs(part, [self._spelled[index] for index in words], self._vocabulary)
        except ValueError:
            return Cost(float("inf"), float("inf"))
        width = max(round(_COST_SECONDS / self._frame_seconds), 1)
        return Cost(float(costs.sum()), float(np.convolve(costs, np.ones(width)).max()))

    def _part(self, start: float, end: float) -> tuple[Emissions, float]:
        first, past = (round(time / self._frame_seconds) for time in (start, end))
        return self._emissions[first:past], end - start

    def _match(self, phrase: Phrase, low: int, high: int) -> Match | None:
        nearest = self._nearest(phrase, low, high)
        if nearest is None:
            return None
        first, past = self._most_probable(phrase, nearest.first, nearest.past, low, high)
        words = list(range(first, past))
        cost = self.cost(phrase, words)
        unspoken: list[int] = []
        while cost.most > _MAX_COST and len(unspoken) < _MAX_UNSPOKEN and len(words) > 1:
            word, without = self._least_probable(phrase, words)
            if without.total > cost.total - _MAX_COST:
                break
            words.remove(word)
            unspoken.append(word)
            cost = without
        agrees = cost.most <= _MAX_COST
        return Match(first, past, agrees, tuple(unspoken) if agrees else ())

    def _most_probable(
        self, phrase: Phrase, first: int, past: int, low: int, high: int
    ) -> tuple[int, int]:
        """Moves the first and the last word as long as that makes the words more probable."""
        cost = self.cost(phrase, range(first, past))
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
            costs = {edges: self.cost(phrase, range(*edges)) for edges in moved}
            best = min(costs, key=lambda edges: costs[edges].total, default=(first, past))
            if not moved or costs[best].total >= cost.total:
                return first, past
            (first, past), cost = best, costs[best]

    def _least_probable(self, phrase: Phrase, words: Sequence[int]) -> tuple[int, Cost]:
        """Returns the word without which the others are most probable, and their cost."""
        costs = {
            word: self.cost(phrase, [other for other in words if other != word]) for word in words
        }
        least = min(costs, key=lambda word: costs[word].total)
        return least, costs[least]

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
