"""Finds where utterances begin and end, from the probabilities of speech.

Speech begins at the threshold and lasts until the probability has stayed below a lower one, as in
Silero's `VADIterator`. Positions are samples from the start of the stream.
"""

from collections import deque
from dataclasses import dataclass

from app.audio import SAMPLE_RATE
from app.streaming.types import Endpointing
from app.streaming.vad import CHUNK_SAMPLES

# A chunk this far below the threshold counts as silence; in between nothing changes.
_HYSTERESIS = 0.15
_MIN_SILENCE = 0.01
# How much of the pause after an utterance is transcribed with it: this gives the text of recordings
# that end with the speech most often (docs/streaming.md).
_TAIL = round(0.15 * SAMPLE_RATE)
# A click is shorter than this.
_ONSET_CHUNKS = 2
# An utterance over its maximum ends at the next pause of this length.
_SHORT_PAUSE_SECONDS = 0.1
# Without such a pause it is cut after this many times its maximum, where speech is least probable.
_OVERDUE = 1.25
_CUT_WITHIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Began:
    """An utterance began: `speech` is its first sample of speech, `kept` its first sample."""

    speech: int
    kept: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance ends before sample `at`; its audio up to sample `until` is transcribed.

    `cut` is True where it was cut within speech: the next one begins there at once.
    """

    at: int
    until: int
    cut: bool = False


class Endpointer:
    """Finds the utterances of one stream.

    Args:
        options: the threshold and durations.
    """

    def __init__(self, options: Endpointing) -> None:
        self._threshold = options.threshold
        self._silence = max(_MIN_SILENCE, options.threshold - _HYSTERESIS)
        self._pause = (
            None
            if options.silence_seconds is None
            else round(options.silence_seconds * SAMPLE_RATE)
        )
        self._prefix = round(options.prefix_seconds * SAMPLE_RATE)
        self._max_samples = round(options.max_seconds * SAMPLE_RATE)
        self._recent: deque[tuple[float, int]] = deque(
            maxlen=round(_CUT_WITHIN_SECONDS * SAMPLE_RATE) // CHUNK_SAMPLES
        )
        self._position = 0
        self._previous_end = 0
        self._speech_chunks = 0
        self._started: int | None = None
        self._silent_since: int | None = None

    @property
    def position(self) -> int:
        """The sample up to which chunks were processed."""
        return self._position

    @property
    def until(self) -> int:
        """The sample up to which the utterance is transcribed: with little of a pause."""
        if self._silent_since is None:
            return self._position
        return min(self._position, self._silent_since + _TAIL)

    def process_vad(self, probability: float) -> Began | Ended | None:
        """Processes the probability of speech in the next chunk of 512 samples.

        Returns:
            What begins or ends with this chunk, if anything does.
        """
        start = self._position
        self._position += CHUNK_SAMPLES
        if self._started is None:
            return self._find_onset(probability, start)
        self._recent.append((probability, start))
        if probability >= self._threshold:
            self._silent_since = None
        elif probability < self._silence and self._silent_since is None:
            self._silent_since = start
        return self._find_end()

    def end(self, at: int) -> Ended | None:
        """Ends the utterance before sample `at`; returns None if none had begun."""
        began = self._started is not None
        until = at if self._silent_since is None else min(at, self._silent_since + _TAIL)
        self._reset(at)
        return Ended(at, until) if began else None

    def _find_onset(self, probability: float, start: int) -> Began | None:
        """Begins an utterance at the first of enough chunks of speech in a row.

        It keeps the audio of `prefix_seconds` before them, as far as no utterance has it already.
        """
        self._speech_chunks = self._speech_chunks + 1 if probability >= self._threshold else 0
        if self._speech_chunks < _ONSET_CHUNKS:
            return None
        speech = start - (_ONSET_CHUNKS - 1) * CHUNK_SAMPLES
        self._started = max(self._previous_end, speech - self._prefix)
        return Began(speech, self._started)

    def _find_end(self) -> Ended | None:
        assert self._started is not None
        length = self._position - self._started
        pause = 0 if self._silent_since is None else self._position - self._silent_since
        if self._pause is not None and pause >= self._pause:
            return self.end(self._position)
        if length >= self._max_samples and pause >= _SHORT_PAUSE_SECONDS * SAMPLE_RATE:
            return self.end(self._position)
        if length >= _OVERDUE * self._max_samples:
            at = min(self._recent)[1] + CHUNK_SAMPLES // 2
            self._reset(at)
            self._started = at
            return Ended(at, at, cut=True)
        return None

    def _reset(self, at: int) -> None:
        self._previous_end = at
        self._started = self._silent_since = None
        self._speech_chunks = 0
        self._recent.clear()
