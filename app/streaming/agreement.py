"""One set of readings after another in, the words that are never taken back out.

A word is stable once hypotheses in a row have it and the audio has gone on far enough after it:
local agreement (Liu, Spanakis and Niehues 2020, "Low-Latency Sequence-to-Sequence Speech
Recognition and Translation by Partial Hypothesis Selection"; Macháček, Dabre and Bojar 2023,
"Turning Whisper into Real-Time Transcription System"). And no other reading that is nearly as
good may have another word there, as where all that a search keeps has one past (Selfridge,
Arizmendi, Heeman and Williams 2011, "Stability and Accuracy in Incremental Speech Recognition").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.transcript import Word


@dataclass(frozen=True, slots=True)
class Rival:
    """Another reading than the best one.

    Attributes:
        texts: its words.
        behind: by how much its natural-log score is below the best one's.
    """

    texts: tuple[str, ...]
    behind: float


@dataclass(frozen=True, slots=True)
class Stability:
    """When a word counts as stable.

    Attributes:
        distance: seconds of audio after the word's end.
        agreeing: hypotheses in a row that have it, this one included.
        margin: a reading that differs must be behind by this much.
    """

    distance: float = 0.25
    agreeing: int = 2
    margin: float = 6.0


class LocalAgreement:
    """The stable words of one utterance.

    Args:
        rule: when a word counts as stable.
    """

    def __init__(self, rule: Stability) -> None:
        self._rule = rule
        self._earlier: list[tuple[str, ...]] = []
        self.stable: tuple[Word, ...] = ()

    def update(
        self, words: Sequence[Word], heard: float, rivals: Sequence[Rival] = ()
    ) -> tuple[Word, ...]:
        """Take a new hypothesis.

        Args:
            words: of the whole utterance.
            heard: until when the hypothesis knows the audio, on the words' clock.
            rivals: other readings of the same audio.

        Returns:
            The hypothesis, made to begin with what was stable; `stable` holds what now is.
        """
        joined = continued(self.stable, words)
        texts = tuple(word.text for word in joined)
        rule = self._rule
        others = [rival.texts for rival in rivals if rival.behind < rule.margin]
        if len(self._earlier) < rule.agreeing - 1 or joined != tuple(words):
            others.append(())  # Nothing agrees with what is not there.
        others += self._earlier
        count = len(self.stable)
        while (
            count < len(joined)
            and joined[count].end <= heard - rule.distance
            and all(other[: count + 1] == texts[: count + 1] for other in others)
        ):
            count += 1
        self.stable = joined[:count]
        self._earlier = [*self._earlier, texts][max(0, len(self._earlier) + 2 - rule.agreeing) :]
        return joined


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
    wanted = [word.text for word in stable]
    if wanted == [word.text for word in words[:count]]:
        return tuple(words)
    distances = _prefix_distances(wanted, [word.text for word in words]).tolist()
    end = stable[-1].end
    ends = [0.0, *(word.end for word in words)]
    cut = min(range(len(ends)), key=lambda taken: (distances[taken], abs(ends[taken] - end)))
    # Words in the middle of the last stable one would be read twice.
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
