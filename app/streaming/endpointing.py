"""Probabilities of speech in, where utterances begin and end out.

Speech begins with the threshold and lasts until the probability has stayed below a lower one,
as Silero's own `VADIterator` has it. Positions are samples from the start of the stream.
"""

from collections import deque
from dataclasses import dataclass

from app.audio import SAMPLE_RATE
from app.streaming.types import Endpointing
from app.streaming.voice import CHUNK_SAMPLES

# Below the threshold by this much, a frame counts as silence; in between nothing changes.
_HYSTERESIS = 0.15
_LOWEST = 0.01
# Of the pause after an utterance so much is heard: offline text of recordings that end where the
# speech does is met best so (docs/streaming.md).
_TAIL = round(0.15 * SAMPLE_RATE)
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
    """The utterance ends before sample `at`, and is worth hearing before sample `until`.

    `cut` says that it was cut within speech: the next one begins there at once.
    """

    at: int
    until: int
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
    def until(self) -> int:
        """The sample up to which the utterance is worth hearing: little of a pause is."""
        if self._silent_since is None:
            return self._position
        return min(self._position, self._silent_since + _TAIL)

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

    def end(self, at: int) -> Ended | None:
        """End the utterance before sample `at`; None if none had begun."""
        spoke = self._started is not None
        until = at if self._silent_since is None else min(at, self._silent_since + _TAIL)
        self._reset(at)
        return Ended(at, until) if spoke else None

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
        pause = 0 if self._silent_since is None else self._position - self._silent_since
        if self._pause is not None and pause >= self._pause:
            return self.end(self._position)
        if length >= self._longest and pause >= _SHORT_PAUSE_SECONDS * SAMPLE_RATE:
            return self.end(self._position)
        if length >= _OVERDUE * self._longest:
            at = min(self._recent)[1] + CHUNK_SAMPLES // 2
            self._reset(at)
            self._started = at
            return Ended(at, at, cut=True)
        return None

    def _reset(self, at: int) -> None:
        self._previous_end = at
        self._started = self._silent_since = None
        self._onset = 0
        self._recent.clear()
