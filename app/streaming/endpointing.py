"""Probabilities of speech in, where utterances begin and end out.

Speech begins with the threshold and lasts until the probability has stayed below a lower one,
as Silero's own `VADIterator` has it. Positions are samples from the start of the stream.
"""

from collections import deque
from dataclasses import dataclass, replace

from app.audio import SAMPLE_RATE
from app.streaming.types import Endpointing
from app.streaming.voice import CHUNK_SAMPLES

# Below the threshold by this much, a frame counts as silence; in between nothing changes.
_HYSTERESIS = 0.15
_LOWEST = 0.01
# A click is over sooner than this.
_ONSET_CHUNKS = 2
# What an utterance that is too long takes for a pause between words.
_SHORT_PAUSE_SECONDS = 0.1
# Without even such a pause it is cut after this many times its longest, where speech is least sure.
_OVERDUE = 1.25
_CUT_WITHIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Began:
    """An utterance began: `speech` is its first sample of speech, `kept` its first sample."""

    speech: int
    kept: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance ends before sample `at`.

    `cut` says that it was cut within speech: the next one begins there at once.
    """

    at: int
    cut: bool = False


class Endpointer:
    """Finds the utterances of one stream.

    Args:
        options: what counts as speech, and as its end.
    """

    def __init__(self, options: Endpointing) -> None:
        self._speech = options.threshold
        self._silence = max(_LOWEST, options.threshold - _HYSTERESIS)
        self._pause = (
            None
            if options.silence_seconds is None
            else round(options.silence_seconds * SAMPLE_RATE)
        )
        self._prefix = round(options.prefix_seconds * SAMPLE_RATE)
        self._longest = round(options.max_seconds * SAMPLE_RATE)
        self._recent: deque[tuple[float, int]] = deque(
            maxlen=round(_CUT_WITHIN_SECONDS * SAMPLE_RATE) // CHUNK_SAMPLES
        )
        self._position = 0
        self._previous_end = 0
        self._onset = 0
        self._started: int | None = None
        self._silent_since: int | None = None

    @property
    def position(self) -> int:
        """The sample up to which chunks were heard."""
        return self._position

    @property
    def speaking(self) -> bool:
        """An utterance has begun and not ended."""
        return self._started is not None

    @property
    def silent_samples(self) -> int:
        """How long the pause is that the utterance is in; 0 while somebody speaks."""
        return 0 if self._silent_since is None else self._position - self._silent_since

    def hear(self, probability: float) -> Began | Ended | None:
        """Take the next chunk of 512 samples by its probability of speech."""
        start = self._position
        self._position += CHUNK_SAMPLES
        if self._started is None:
            return self._before(probability, start)
        self._recent.append((probability, start))
        if probability >= self._speech:
            self._silent_since = None
        elif probability < self._silence and self._silent_since is None:
            self._silent_since = start
        return self._ended()

    def end(self, at: int) -> bool:
        """End the utterance before sample `at`; False if none had begun."""
        spoke = self.speaking
        self._reset(at)
        return spoke

    def _before(self, probability: float, start: int) -> Began | None:
        self._onset = self._onset + 1 if probability >= self._speech else 0
        if self._onset < _ONSET_CHUNKS:
            return None
        speech = start - (_ONSET_CHUNKS - 1) * CHUNK_SAMPLES
        self._started = max(self._previous_end, speech - self._prefix)
        return Began(speech, self._started)

    def _ended(self) -> Ended | None:
        assert self._started is not None
        length = self._position - self._started
        pause = self.silent_samples
        if self._pause is not None and pause >= self._pause:
            return self._end_at(self._position)
        if length >= self._longest and pause >= _SHORT_PAUSE_SECONDS * SAMPLE_RATE:
            return self._end_at(self._position)
        if length >= _OVERDUE * self._longest:
            _, start = min(self._recent)
            ended = self._end_at(start + CHUNK_SAMPLES // 2)
            self._started = ended.at
            return replace(ended, cut=True)
        return None

    def _end_at(self, at: int) -> Ended:
        self._reset(at)
        return Ended(at)

    def _reset(self, at: int) -> None:
        self._previous_end = at
        self._started = self._silent_since = None
        self._onset = 0
        self._recent.clear()
