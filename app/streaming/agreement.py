"""One hypothesis after another in, the words that are never taken back out.

A word is stable once two hypotheses in a row have it and the audio has gone on far enough after
it: local agreement (Liu, Spanakis and Niehues 2020, "Low-Latency Sequence-to-Sequence Speech
Recognition and Translation by Partial Hypothesis Selection"; Macháček, Dabre and Bojar 2023,
"Turning Whisper into Real-Time Transcription System").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.transcript import Word


@dataclass(frozen=True, slots=True)
class Stability:
    """When a word counts as stable.

    Attributes:
        distance: seconds of audio after the word's end.
        confidence: of the word, at least.
        agreeing: hypotheses in a row that have it, this one included.
    """

    distance: float = 0.24
    confidence: float = 0.0
    agreeing: int = 2


class LocalAgreement:
    """The stable words of one utterance.

    Args:
        rule: when a word counts as stable.
    """

    def __init__(self, rule: Stability) -> None:
        self._rule = rule
        self._earlier: list[tuple[str, ...]] = []
        self.stable: tuple[Word, ...] = ()

    def update(self, words: Sequence[Word], heard: float) -> tuple[Word, ...]:
        """Take a new hypothesis.

        Args:
            words: of the whole utterance.
            heard: until when the hypothesis knows the audio, on the words' clock.

        Returns:
            The hypothesis, made to begin with what was stable; `stable` holds what now is.
        """
        joined = continued(self.stable, words)
        texts = tuple(word.text for word in joined)
        count = len(self.stable)
        while count < len(joined) and self._agreed(joined, texts, count, heard):
            count += 1
        self.stable = joined[:count]
        self._earlier = [*self._earlier, texts][-(self._rule.agreeing - 1) :]
        return joined

    def _agreed(
        self, words: Sequence[Word], texts: tuple[str, ...], index: int, heard: float
    ) -> bool:
        rule = self._rule
        word = words[index]
        if word.end > heard - rule.distance or word.confidence < rule.confidence:
            return False
        until = index + 1
        return len(self._earlier) >= rule.agreeing - 1 and all(
            earlier[:until] == texts[:until] for earlier in self._earlier
        )


def continued(stable: Sequence[Word], words: Sequence[Word]) -> tuple[Word, ...]:
    """A hypothesis made to begin with the stable words.

    Where it does not by itself, its beginning that is most like them by edit distance is
    replaced, of equally like ones the one that ends closest to the last stable word.

    Args:
        stable: words that were sent.
        words: a new hypothesis of the same audio.

    Returns:
        The stable texts, with the new times and confidences where the new hypothesis begins
        with them, and the rest of the new hypothesis.
    """
    count = len(stable)
    if not count:
        return tuple(words)
    if [word.text for word in stable] == [word.text for word in words[:count]]:
        return tuple(words)
    distances = _prefix_distances(
        [word.text for word in stable], [word.text for word in words]
    ).tolist()
    end = stable[-1].end
    ends = [0.0, *(word.end for word in words)]
    cut = min(range(len(ends)), key=lambda taken: (distances[taken], abs(ends[taken] - end)))
    # Words that begin before the last stable one ends would be read twice.
    rest = [word for word in words[cut:] if (word.start + word.end) / 2 >= end]
    return (*stable, *rest)


def _prefix_distances(wanted: Sequence[str], words: Sequence[str]) -> npt.NDArray[np.int64]:
    """Edit distances from `wanted` to `words[:0]`, `words[:1]` and so on."""
    distances = np.arange(len(words) + 1)
    for row, text in enumerate(wanted, 1):
        previous, distances = distances, np.empty_like(distances)
        distances[0] = row
        for column, other in enumerate(words, 1):
            distances[column] = min(
                previous[column] + 1,
                distances[column - 1] + 1,
                previous[column - 1] + (text != other),
            )
    return distances
