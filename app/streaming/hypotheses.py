"""Hypotheses of an utterance: decoded while it grows and once it is over, and their stable words.

The decoding functions run in a decoding thread or process. A word is stable once hypotheses in a
row have it and the audio continues far enough after it: local agreement (Liu, Spanakis and Niehues
2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis
Selection"; Macháček, Dabre and Bojar 2023, "Turning Whisper into Real-Time Transcription System").
And no competing hypothesis that is nearly as good may have another word there, as where all
hypotheses of a search share one past (Selfridge, Arizmendi, Heeman and Williams 2011, "Stability
and Accuracy in Incremental Speech Recognition").
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.contract.answers import Word
from app.decoding import DecodingOptions, Hypothesis, ModelDecoders
from app.decoding.types import Emissions
from app.itn import FormattingOptions, format_transcript

# How many competing hypotheses are compared with the best one.
_COMPETING = 10
# A search for competing hypotheses alone: those that are further behind do not matter.
_NARROW = DecodingOptions(
    decoder="beam", beam_width=16, alpha=0.0, beta=0.0, prune_logp=-6.0, n_best=_COMPETING
)
# How many hypotheses are searched for one that begins with the stable words.
_CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class UtteranceResult:
    """The final words of an utterance; times from its first sample.

    `alternatives` are texts with their scores and words, best first, where several were requested.
    """

    words: tuple[Word, ...]
    formatted_text: str | None
    alternatives: tuple[tuple[str, float, tuple[Word, ...]], ...]

    @property
    def confidence(self) -> float | None:
        """Mean of the words' confidences; None without words."""
        if not self.words:
            return None
        return sum(word.confidence for word in self.words) / len(self.words)


@dataclass(frozen=True, slots=True)
class CompetingHypothesis:
    """Another hypothesis than the best one.

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
        margin: a hypothesis that differs must be behind by this much.
    """

    distance: float
    lasting: float
    margin: float


STABILITY = (
    Stability(distance=0.3, lasting=0.25, margin=5.0),
    Stability(distance=1.0, lasting=0.75, margin=1.0),
)
"""Any of these suffices; chosen by a sweep over test speech (docs/streaming.md)."""


def decode_partial(
    decoders: ModelDecoders,
    emissions: Emissions,
    decoding: DecodingOptions,
    *,
    frame_seconds: float,
    duration: float,
) -> tuple[tuple[Word, ...], tuple[CompetingHypothesis, ...]]:
    """Decodes an utterance that may still grow; arguments are those of `ModelDecoders.decode`.

    Returns:
        The words, and the hypotheses that were nearly as good. The greedy decoder has no others
        than the best path: a beam search over the same emissions finds them.
    """
    times = {"frame_seconds": frame_seconds, "duration": duration}
    greedy = decoding.decoder == "greedy"
    several = _NARROW if greedy else replace(decoding, n_best=max(_COMPETING, decoding.n_best))
    found = decoders.decode(emissions, several, **times)
    best = decoders.decode(emissions, decoding, **times)[0] if greedy else found[0]
    competing = tuple(
        CompetingHypothesis(tuple(word.word for word in item.words), found[0].score - item.score)
        for item in found
    )
    return best.words, competing


def decode_final(
    decoders: ModelDecoders,
    emissions: Emissions,
    decoding: DecodingOptions,
    *,
    stable: tuple[Word, ...],
    frame_seconds: float,
    duration: float,
    language: str,
    formatting: FormattingOptions | None,
) -> UtteranceResult:
    """Decodes an utterance that is over.

    Args:
        decoders: of the model that gave the emissions.
        emissions: float array [frames, vocabulary] of natural-log probabilities.
        decoding: how to decode.
        stable: words the result must begin with.
        frame_seconds: length of one frame in seconds.
        duration: length of the utterance in seconds.
        language: of the text.
        formatting: how to format the text; None leaves that out.

    Raises:
        InvalidRequestError: the model cannot be decoded so.
    """

    def decode(request: DecodingOptions) -> tuple[Hypothesis, ...]:
        return decoders.decode(emissions, request, frame_seconds=frame_seconds, duration=duration)

    found = decode(decoding)
    if not _begins_with(found[0], stable) and decoding.decoder != "greedy":
        wider = decode(replace(decoding, n_best=max(_CANDIDATES, decoding.n_best)))
        found = tuple(item for item in wider if _begins_with(item, stable)) or found
    words = join_stable(stable, found[0].words)
    best = Hypothesis(" ".join(word.word for word in words), words, found[0].score)
    listed = (best, *found[1:])[: decoding.n_best] if decoding.n_best > 1 else ()
    return UtteranceResult(
        words=words,
        formatted_text=format_transcript(words, language, formatting).text if formatting else None,
        alternatives=tuple((item.text, item.score, item.words) for item in listed),
    )


class LocalAgreement:
    """Finds the stable words of one utterance.

    Args:
        rules: when a word counts as stable; any of them suffices.
    """

    def __init__(self, rules: Sequence[Stability] = STABILITY) -> None:
        self._rules = tuple(rules)
        self._memory = max(rule.lasting for rule in rules)
        self._earlier: list[tuple[float, tuple[str, ...]]] = []
        self.stable: tuple[Word, ...] = ()

    def update(
        self,
        words: Sequence[Word],
        seconds: float,
        competing: Sequence[CompetingHypothesis] = (),
    ) -> tuple[Word, ...]:
        """Adds a new hypothesis, and updates `stable`.

        Args:
            words: of the whole utterance.
            seconds: length of the audio that the hypothesis covers, on the words' clock.
            competing: other hypotheses of the same audio.

        Returns:
            The hypothesis, made to begin with the words that were stable before.
        """
        joined = join_stable(self.stable, words)
        texts = tuple(word.word for word in joined)
        count = len(self.stable)
        if joined != tuple(words):
            # Hypotheses that contradict the stable words are no evidence for what comes after.
            competing = [item for item in competing if item.texts[:count] == texts[:count]]
        tests = [
            (seconds - rule.distance, others)
            for rule in self._rules
            if (others := self._others(rule, seconds, competing)) is not None
        ]
        while count < len(joined) and any(
            joined[count].end <= until
            and all(other[: count + 1] == texts[: count + 1] for other in others)
            for until, others in tests
        ):
            count += 1
        self.stable = joined[:count]
        self._remember(seconds, texts)
        return joined

    def _others(
        self, rule: Stability, seconds: float, competing: Sequence[CompetingHypothesis]
    ) -> list[tuple[str, ...]] | None:
        """Returns the texts that must agree with a word by a rule; None while there are too few."""
        since = [at for at, _ in self._earlier if at <= seconds - rule.lasting]
        if not since:
            return None
        return [
            *(item.texts for item in competing if item.behind < rule.margin),
            *(texts for at, texts in self._earlier if at >= since[-1]),
        ]

    def _remember(self, seconds: float, texts: tuple[str, ...]) -> None:
        self._earlier.append((seconds, texts))
        # One that is older than every `lasting` stays: it shows for how long a word was there.
        while len(self._earlier) > 1 and self._earlier[1][0] <= seconds - self._memory:
            self._earlier.pop(0)


def join_stable(stable: Sequence[Word], words: Sequence[Word]) -> tuple[Word, ...]:
    """Makes a hypothesis begin with the stable words.

    Where it does not by itself, its prefix with the smallest edit distance to them is replaced;
    among equals, the one that ends closest to the last stable word.

    Args:
        stable: words that were sent.
        words: a new hypothesis of the same audio.

    Returns:
        The stable texts, with the new times and confidences where the new hypothesis begins
        with them, and the rest of the new hypothesis.
    """
    count = len(stable)
    expected = [word.word for word in stable]
    if expected == [word.word for word in words[:count]]:
        return tuple(words)
    distances = _prefix_distances(expected, [word.word for word in words]).tolist()
    end = stable[-1].end
    ends = [0.0, *(word.end for word in words)]
    cut = min(range(len(ends)), key=lambda taken: (distances[taken], abs(ends[taken] - end)))
    # Words in the middle of the last stable one would be in the text twice.
    rest = [word for word in words[cut:] if (word.start + word.end) / 2 >= end]
    return (*stable, *rest)


def _begins_with(hypothesis: Hypothesis, stable: Sequence[Word]) -> bool:
    texts = [word.word for word in hypothesis.words[: len(stable)]]
    return texts == [word.word for word in stable]


def _prefix_distances(expected: Sequence[str], words: Sequence[str]) -> npt.NDArray[np.int64]:
    """Returns the edit distances from `expected` to `words[:0]`, `words[:1]` and so on."""
    distances = np.arange(len(words) + 1)
    for row, text in enumerate(expected, 1):
        previous, distances = distances, np.empty_like(distances)
        distances[0] = row
        for column, other in enumerate(words, 1):
            distances[column] = min(
                previous[column] + 1,
                distances[column - 1] + 1,
                previous[column - 1] + (text != other),
            )
    return distances
