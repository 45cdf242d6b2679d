"""How far the words of a transcript are from what a model reads in a part of a recording.

Three tests, each against the most probable path of the same emissions (a likelihood ratio): of the
sounds between two words, which a word that was not written adds to; of the letters of each word,
which a word that was not said lacks; and of any place where the decoder reads words that its
language model knows, against these. A misread letter fails none of them, as long as no word of the
language fits much better.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.decoding.alignment import ReadingCosts, reading_costs, word_times
from app.decoding.types import Emissions
from app.vocabulary import Vocabulary, spellings

MAX_LETTER_COST = 5.0  # natural-log; mean of a word's letters
_MAX_BETWEEN_COST = 6.0  # sum of the frames between two words
_MAX_COST = 20.0  # sum of the frames around one, more than that of the decoder's words
_AROUND_SECONDS = 0.4

Costs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Doubt:
    """How much speaks against words: above 1 they are not what is said.

    `word` is the index of the word, of those that were read, which it is largest at.
    """

    value: float
    word: int


class Reader:
    """Reads words in the emissions of one recording.

    Args:
        emissions: of the recording, [frames, vocabulary].
        vocabulary: of the model.
        frame_seconds: length of a frame.
        known: words of the language, normalised, of those that the decoder reads.
    """

    def __init__(
        self,
        emissions: Emissions,
        vocabulary: Vocabulary,
        frame_seconds: float,
        known: Collection[str],
    ) -> None:
        self._emissions = emissions
        self._known = known
        self._vocabulary = vocabulary
        self._frame_seconds = frame_seconds
        self._capitals = not any(token.islower() for token in spellings(vocabulary))

    def cost(self, start: float, end: float, words: Sequence[str]) -> float:
        """Returns how much more probable the most probable text of a part is than these words.

        Args:
            start: of the part, in seconds.
            end: of the part.
            words: normalised, at least one.

        Returns:
            Natural-log, at least 0; infinite where the words cannot be spelled or are too long for
            the part.
        """
        found = self._read(start, end, words)
        return float("inf") if found is None else float(found.costs.sum())

    def doubt(
        self, start: float, end: float, words: Sequence[str], decoded: Sequence[str]
    ) -> Doubt:
        """Returns how much speaks against these words; arguments as `cost`.

        Args:
            start: of the part, in seconds.
            end: of the part.
            words: normalised, at least one.
            decoded: what the decoder reads in the part; may be empty.
        """
        found = self._read(start, end, words)
        if found is None:
            return Doubt(float("inf"), 0)
        places = (
            self._between(found),
            self._letters(found, words),
            self._around(self._more(start, end, found.costs, decoded)),
        )
        value, frame = max(places)
        before = found.words[: frame + 1].max(initial=-1)
        return Doubt(value, max(int(before), 0))

    def score(self, start: float, end: float, words: Sequence[str]) -> float:
        """Returns the geometric mean of the probabilities of the letters, 0 to 1.

        Arguments as `cost`.

        Raises:
            ValueError: the words cannot be spelled or are too long for the part.
        """
        first, past = self._frames(start, end)
        timed = word_times(
            self._emissions[first:past],
            self._spelled(words),
            self._vocabulary,
            frame_seconds=self._frame_seconds,
            duration=end - start,
        )
        lengths = [len(word.word) for word in timed]
        logs = [np.log(max(word.confidence, 1e-9)) for word in timed]
        return float(np.exp(np.average(logs, weights=lengths)))

    def _read(self, start: float, end: float, words: Sequence[str]) -> ReadingCosts | None:
        first, past = self._frames(start, end)
        try:
            return reading_costs(
                self._emissions[first:past], self._spelled(words), self._vocabulary
            )
        except ValueError:
            return None

    @staticmethod
    def _between(found: ReadingCosts) -> tuple[float, int]:
        """Returns the cost between two words, as a share of what is allowed, and a frame there."""
        edges = np.flatnonzero(np.diff(found.words, prepend=-2))
        sums = np.add.reduceat(found.costs, edges)
        sums[found.words[edges] >= 0] = 0
        place = int(sums.argmax())
        return float(sums[place]) / _MAX_BETWEEN_COST, int(edges[place])

    @staticmethod
    def _letters(found: ReadingCosts, words: Sequence[str]) -> tuple[float, int]:
        """Returns the cost of a letter, as a share of what is allowed, and a frame of its word."""
        inside = found.words >= 0
        sums = np.bincount(found.words[inside], found.costs[inside], len(words))
        means = sums / [len(word) for word in words]
        word = int(means.argmax())
        return float(means[word]) / MAX_LETTER_COST, int(np.argmax(found.words == word))

    def _more(self, start: float, end: float, costs: Costs, decoded: Sequence[str]) -> Costs:
        """Returns what each frame costs more than with the decoder's words, 0 in unknown ones."""
        other = self._read(start, end, decoded) if decoded else None
        if other is None:
            return costs
        # Between words there is no word; its place is past the last one.
        known = np.array([*(word in self._known for word in decoded), True])
        more: Costs = np.where(known[other.words], costs - other.costs, np.float32(0))
        return more

    def _around(self, more: Costs) -> tuple[float, int]:
        """Returns the cost around a frame, as a share of what is allowed, and the frame."""
        width = max(round(_AROUND_SECONDS / self._frame_seconds), 1)
        sums = np.convolve(more, np.ones(width, np.float32))
        place = int(sums.argmax())
        return float(sums[place]) / _MAX_COST, max(min(place - width // 2, len(more) - 1), 0)

    def _spelled(self, words: Sequence[str]) -> list[str]:
        return [word.upper() for word in words] if self._capitals else list(words)

    def _frames(self, start: float, end: float) -> tuple[int, int]:
        return round(start / self._frame_seconds), round(end / self._frame_seconds)
