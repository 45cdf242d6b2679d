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

from app.contract.answers import Word


@dataclass(frozen=True, slots=True)
class CompetingHypothesis:
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
        lasting: for so many seconds of audio every hypothesis has had it, two at least.
        margin: a reading that differs must be behind by this much.
    """

    distance: float
    lasting: float
    margin: float


STABILITY = (
    Stability(distance=0.3, lasting=0.25, margin=5.0),
    Stability(distance=1.0, lasting=0.75, margin=1.0),
)
"""Any of these will do; chosen by a sweep over test speech (docs/streaming.md)."""


class LocalAgreement:
    """The stable words of one utterance.

    Args:
        rules: when a word counts as stable; any of them will do.
    """

    def __init__(self, rules: Sequence[Stability] = STABILITY) -> None:
        self._rules = tuple(rules)
        self._memory = max(rule.lasting for rule in rules)
        self._earlier: list[tuple[float, tuple[str, ...]]] = []
        self.stable: tuple[Word, ...] = ()

    def update(
        self, words: Sequence[Word], heard: float, rivals: Sequence[CompetingHypothesis] = ()
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
        texts = tuple(word.word for word in joined)
        count = len(self.stable)
        if joined != tuple(words):
            # Readings that contradict what was told say nothing of what comes after it.
            rivals = [rival for rival in rivals if rival.texts[:count] == texts[:count]]
        tests = [
            (heard - rule.distance, others)
            for rule in self._rules
            if (others := self._others(rule, heard, rivals)) is not None
        ]
        while count < len(joined) and any(
            joined[count].end <= until
            and all(other[: count + 1] == texts[: count + 1] for other in others)
            for until, others in tests
        ):
            count += 1
        self.stable = joined[:count]
        self._remember(heard, texts)
        return joined

    def _others(
        self, rule: Stability, heard: float, rivals: Sequence[CompetingHypothesis]
    ) -> list[tuple[str, ...]] | None:
        """What must agree with a word by that rule; None while there is too little."""
        since = [at for at, _ in self._earlier if at <= heard - rule.lasting]
        if not since:
            return None
        return [
            *(rival.texts for rival in rivals if rival.behind < rule.margin),
            *(texts for at, texts in self._earlier if at >= since[-1]),
        ]

    def _remember(self, heard: float, texts: tuple[str, ...]) -> None:
        self._earlier.append((heard, texts))
        # One that is older than all that lasts must stay, to tell how long it lasts.
        while len(self._earlier) > 1 and self._earlier[1][0] <= heard - self._memory:
            self._earlier.pop(0)


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
    wanted = [word.word for word in stable]
    if wanted == [word.word for word in words[:count]]:
        return tuple(words)
    distances = _prefix_distances(wanted, [word.word for word in words]).tolist()
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
