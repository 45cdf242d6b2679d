"""Samples of one stream in, events out: finds utterances, hears them step by step, tells words."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.audio import SAMPLE_RATE, Samples
from app.contract.answers import Word
from app.errors import OverloadedError
from app.streaming.audio_buffer import AudioBuffer
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
from app.streaming.voice import CHUNK_SAMPLES, VoiceActivity

# Between two steps, at least so many times what the last one took: the rest is for others.
_REST = 2.0
# In a pause longer than this nothing new can be heard.
_QUIET_SECONDS = 0.5

# Told the words that became stable.
StableListener = Callable[[tuple[LiveWord, ...]], None]


@dataclass(slots=True)
class _Utterance:
    """The one that lasts; positions are samples of the stream."""

    number: int
    start: int
    hearing: UtteranceRecognizer
    heard: int
    told: tuple[tuple[str, ...], int] = ((), 0)


class UtteranceTracker:
    """Hears one stream; its methods are called one after another.

    Args:
        hearing: turns utterances into words.
        voice: finds speech.
        endpointing: when utterances begin and end.
        step_seconds: new audio after which an utterance is listened to again; None never.
        tell: takes the events.
        on_stable: takes the words as they become stable.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        hearing: StreamRecognizer,
        voice: VoiceActivity,
        endpointing: Endpointing,
        *,
        step_seconds: float | None,
        tell: Callable[[LiveEvent], None],
        on_stable: StableListener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hearing = hearing
        self._voice = voice
        self._endpointer = Endpointer(endpointing)
        self._keep = round(endpointing.prefix_seconds * SAMPLE_RATE) + 2 * CHUNK_SAMPLES
        self._step = None if step_seconds is None else round(step_seconds * SAMPLE_RATE)
        self._rest = 0
        self._tell = tell
        self._on_stable = on_stable
        self._clock = clock
        self._audio = AudioBuffer()
        self._utterance: _Utterance | None = None
        self._utterances = 0

    async def hear(self, samples: Samples) -> None:
        """Take the next samples: find speech in them, and finish the utterances that end there.

        Raises:
            NordlydError: as the engine says.
        """
        self._audio.append(samples)
        start = self._endpointer.position
        stop = start + (self._audio.end - start) // CHUNK_SAMPLES * CHUNK_SAMPLES
        for probability in self._voice.probabilities(self._audio.part(start, stop)):
            match self._endpointer.hear(probability):
                case Began(speech, kept):
                    self._begin(speech, kept)
                case Ended() as ended:
                    await self._finish(ended)
                    if ended.cut:
                        self._begin(ended.at, ended.at)
        if self._utterance is None:
            self._audio.keep_from(self._endpointer.position - self._keep)

    async def end(self) -> None:
        """End the utterance where the audio ends now.

        Raises:
            NordlydError: as the engine says.
        """
        ended = self._endpointer.end(self._audio.end)
        if ended is not None:
            await self._finish(ended)

    async def step(self) -> None:
        """ListenOptions to the utterance again, if there is enough new of it.

        Raises:
            NordlydError: as the engine says.
        """
        utterance = self._utterance
        if utterance is None or self._step is None:
            return
        position, until = self._endpointer.position, self._endpointer.until
        new = position - utterance.heard
        quiet = position - until > _QUIET_SECONDS * SAMPLE_RATE
        if new < max(self._step, self._rest) or (quiet and utterance.heard > until):
            return
        window = utterance.hearing.needs(until - utterance.start)
        if window is None:
            return
        start, stop = (utterance.start + edge for edge in (window.start, window.stop))
        utterance.heard = position
        before = len(utterance.hearing.stable)
        heard = (position - utterance.start) / SAMPLE_RATE
        began = self._clock()
        try:
            words = await utterance.hearing.step(window, self._audio.part(start, stop), heard)
        except OverloadedError:
            return  # The next step hears it too.
        self._rest = round(_REST * (self._clock() - began) * SAMPLE_RATE)
        stable = len(utterance.hearing.stable)
        told = (tuple(word.word for word in words), stable)
        if told != utterance.told:
            utterance.told = told
            live = _live(words, utterance.start, stable)
            self._tell(PartialResult(utterance.number, live))
            self._on_stable(live[before:stable])

    def _begin(self, speech: int, kept: int) -> None:
        self._utterance = _Utterance(self._utterances, kept, self._hearing.begin(), heard=kept)
        self._utterances += 1
        self._tell(SpeechStarted(self._utterance.number, speech / SAMPLE_RATE))

    async def _finish(self, ended: Ended) -> None:
        utterance = self._utterance
        assert utterance is not None
        self._tell(EndpointReached(utterance.number, ended.at / SAMPLE_RATE))
        read = await utterance.hearing.finish(self._audio.part(utterance.start, ended.until))
        words = _live(read.words, utterance.start, len(read.words))
        self._on_stable(words[len(utterance.hearing.stable) :])
        self._tell(
            FinalResult(
                utterance=utterance.number,
                start=utterance.start / SAMPLE_RATE,
                end=ended.until / SAMPLE_RATE,
                words=words,
                confidence=read.confidence,
                formatted_text=read.formatted_text,
                alternatives=tuple(
                    (text, score, _live(found, utterance.start, len(found)))
                    for text, score, found in read.alternatives
                ),
            )
        )
        self._utterance = None
        self._audio.keep_from(ended.at)


def _live(words: tuple[Word, ...], start: int, stable: int) -> tuple[LiveWord, ...]:
    """Words on the stream's clock, the first of them stable."""
    offset = start / SAMPLE_RATE
    return tuple(
        LiveWord(word.word, word.start + offset, word.end + offset, word.confidence, index < stable)
        for index, word in enumerate(words)
    )
