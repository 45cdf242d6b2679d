"""Finds the utterances of one stream, transcribes each as it grows, and emits the events."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from app.audio import SAMPLE_RATE, Samples
from app.contract.answers import Word
from app.errors import OverloadedError
from app.streaming.endpointing import Began, Ended, Endpointer
from app.streaming.recognizer import StreamRecognizer, UtteranceRecognizer
from app.streaming.types import (
    Endpointing,
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveWord,
    PartialResult,
    SpeechStarted,
)
from app.streaming.vad import CHUNK_SAMPLES, VoiceActivityDetector

# Between two updates passes at least so many times what the last one took, for other streams.
_REST = 2.0
# After a pause longer than this an update cannot find new words.
_QUIET_SECONDS = 0.5

WordLatency: TypeAlias = Callable[[float], None]
"""Called for each stable word, with the instant its last sample arrived."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Samples from position `first` of the stream, which arrived at that instant."""

    first: int
    samples: Samples
    arrived: float

    @property
    def end(self) -> int:
        return self.first + self.samples.size


class AudioBuffer:
    """The newest audio of one stream, by its position in samples; the oldest is dropped."""

    def __init__(self) -> None:
        self._blocks: deque[_Block] = deque()
        self.end = 0

    def append(self, samples: Samples, arrived: float) -> None:
        """Adds the next samples, which are kept, not copied, and the instant they arrived."""
        if samples.size:
            self._blocks.append(_Block(self.end, samples, arrived))
            self.end += samples.size

    def keep_from(self, position: int) -> None:
        """Drops whole blocks before a position."""
        while self._blocks and self._blocks[0].end <= position:
            self._blocks.popleft()

    def part(self, start: int, stop: int) -> Samples:
        """Returns a copy of the samples from `start` up to `stop`, which must still be kept."""
        parts = [
            block.samples[max(0, start - block.first) : stop - block.first]
            for block in self._blocks
            if block.first < stop and block.end > start
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def arrival(self, sample: int) -> float | None:
        """Returns the instant by which the first `sample` samples had arrived; None if unknown."""
        return next((block.arrived for block in self._blocks if block.end >= sample), None)


@dataclass(slots=True)
class _Utterance:
    """The utterance under way; positions are samples of the stream.

    Attributes:
        processed: up to where the last update took audio into account.
        emitted: the texts of the last partial result, and how many were stable.
    """

    number: int
    start: int
    recognizer: UtteranceRecognizer
    processed: int
    emitted: tuple[tuple[str, ...], int] = ((), 0)


class UtteranceTracker:
    """Processes one stream; its methods are called one after another.

    Args:
        recognizer: turns utterances into words.
        vad: finds speech.
        endpointing: when utterances begin and end.
        step_seconds: new audio after which an utterance is transcribed again; None for never.
        emit: receives the events.
        on_stable: called for each word that becomes stable.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        recognizer: StreamRecognizer,
        vad: VoiceActivityDetector,
        endpointing: Endpointing,
        *,
        step_seconds: float | None,
        emit: Callable[[LiveEvent], None],
        on_stable: WordLatency,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognizer = recognizer
        self._vad = vad
        self._endpointer = Endpointer(endpointing)
        self._keep = round(endpointing.prefix_seconds * SAMPLE_RATE) + 2 * CHUNK_SAMPLES
        self._step = None if step_seconds is None else round(step_seconds * SAMPLE_RATE)
        self._rest = 0
        self._emit = emit
        self._on_stable = on_stable
        self._clock = clock
        self._audio = AudioBuffer()
        self._utterance: _Utterance | None = None
        self._utterances = 0

    async def accept_waveform(self, samples: Samples, arrived: float) -> None:
        """Finds speech in the next samples, and finishes the utterances that end in them.

        Args:
            samples: float32 [n] at 16 kHz.
            arrived: the instant they arrived.

        Raises:
            NordlydError: from the engine.
        """
        self._audio.append(samples, arrived)
        start = self._endpointer.position
        stop = start + (self._audio.end - start) // CHUNK_SAMPLES * CHUNK_SAMPLES
        for probability in self._vad.probabilities(self._audio.part(start, stop)):
            match self._endpointer.process_vad(probability):
                case Began(speech, kept):
                    self._begin(speech, kept)
                case Ended() as ended:
                    await self._finish(ended)
                    if ended.cut:
                        self._begin(ended.at, ended.at)
        if self._utterance is None:
            self._audio.keep_from(self._endpointer.position - self._keep)

    async def end_utterance(self) -> None:
        """Ends the utterance where the audio ends now.

        Raises:
            NordlydError: from the engine.
        """
        ended = self._endpointer.end(self._audio.end)
        if ended is not None:
            await self._finish(ended)

    async def update(self) -> None:
        """Transcribes the utterance under way again, if there is enough new audio.

        Raises:
            NordlydError: from the engine.
        """
        utterance = self._utterance
        if utterance is None or self._step is None:
            return
        position, until = self._endpointer.position, self._endpointer.until
        new = position - utterance.processed
        quiet = position - until > _QUIET_SECONDS * SAMPLE_RATE
        if new < max(self._step, self._rest) or (quiet and utterance.processed > until):
            return
        window = utterance.recognizer.next_window(until - utterance.start)
        if window is None:
            return
        start, stop = (utterance.start + edge for edge in (window.start, window.stop))
        utterance.processed = position
        before = len(utterance.recognizer.stable)
        seconds = (position - utterance.start) / SAMPLE_RATE
        began = self._clock()
        try:
            words = await utterance.recognizer.update(
                window, self._audio.part(start, stop), seconds
            )
        except OverloadedError:
            return  # The next update includes this audio.
        self._rest = round(_REST * (self._clock() - began) * SAMPLE_RATE)
        stable = len(utterance.recognizer.stable)
        emitted = (tuple(word.word for word in words), stable)
        if emitted != utterance.emitted:
            utterance.emitted = emitted
            live = _live_words(words, utterance.start, stable)
            self._emit(PartialResult(utterance.number, live))
            self._report_stable(live[before:stable])

    def _begin(self, speech: int, kept: int) -> None:
        self._utterance = _Utterance(
            self._utterances, kept, self._recognizer.begin_utterance(), processed=kept
        )
        self._utterances += 1
        self._emit(SpeechStarted(self._utterance.number, speech / SAMPLE_RATE))

    async def _finish(self, ended: Ended) -> None:
        utterance = self._utterance
        assert utterance is not None
        self._emit(EndpointReached(utterance.number, ended.at / SAMPLE_RATE))
        final = await utterance.recognizer.finish(self._audio.part(utterance.start, ended.until))
        words = _live_words(final.words, utterance.start, len(final.words))
        self._report_stable(words[len(utterance.recognizer.stable) :])
        self._emit(
            FinalResult(
                utterance=utterance.number,
                start=utterance.start / SAMPLE_RATE,
                end=ended.until / SAMPLE_RATE,
                words=words,
                confidence=final.confidence,
                formatted_text=final.formatted_text,
                alternatives=tuple(
                    (text, score, _live_words(found, utterance.start, len(found)))
                    for text, score, found in final.alternatives
                ),
            )
        )
        self._utterance = None
        self._audio.keep_from(ended.at)

    def _report_stable(self, words: tuple[LiveWord, ...]) -> None:
        for word in words:
            arrived = self._audio.arrival(round(word.end * SAMPLE_RATE))
            if arrived is not None:
                self._on_stable(arrived)


def _live_words(words: tuple[Word, ...], start: int, stable: int) -> tuple[LiveWord, ...]:
    """Moves an utterance's words to the stream's clock, and marks the first `stable` as stable."""
    offset = start / SAMPLE_RATE
    return tuple(
        LiveWord(word.word, word.start + offset, word.end + offset, word.confidence, index < stable)
        for index, word in enumerate(words)
    )
