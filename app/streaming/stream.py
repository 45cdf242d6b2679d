"""One stream of audio in, its events out, by a task of its own.

Audio waits in a short inbox; the task finds utterances in it, has them heard step by step, never
more than one step at a time, and tells what it hears. A busy machine makes the steps longer.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import structlog

from app.audio import SAMPLE_RATE, Samples
from app.errors import InvalidRequestError, NordlydError, OverloadedError
from app.streaming.arrivals import Arrivals
from app.streaming.endpointing import Began, Ended, Endpointer
from app.streaming.hearing import Hearing, UtteranceHearing
from app.streaming.tape import Tape
from app.streaming.told import Told
from app.streaming.types import (
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveOptions,
    LiveWord,
    PartialResult,
    SpeechStarted,
)
from app.streaming.voice import CHUNK_SAMPLES, VoiceActivity
from app.telemetry import Telemetry
from app.transcript import Word

_log = structlog.get_logger("nordlyd.streaming")


@dataclass(frozen=True, slots=True)
class StreamSizes:
    """How one stream is paced, in seconds of audio but for the events.

    Attributes:
        step: new audio after which an utterance is listened to again.
        backlog: audio that may wait; then pushing waits.
        events: that may wait for a reader; then the stream waits.
    """

    step: float = 0.2
    backlog: float = 5.0
    events: int = 256


@dataclass(slots=True)
class _Utterance:
    """The one that lasts; positions are samples of the stream."""

    number: int
    start: int
    hearing: UtteranceHearing
    heard: int = 0
    told: tuple[tuple[str, ...], int] = ((), 0)


@dataclass(slots=True)
class _End:
    """A request to end the utterance; the last one ends the stream too."""

    last: bool = False
    failure: NordlydError | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """What a `Connection` holds on to.

    Args:
        session: its name.
        hearing: turns utterances into words.
        voice: finds speech.
        options: how the stream wants to be transcribed.
        sizes: how it is paced.
        telemetry: where its latency is counted.
        on_close: called once, when everything it held is let go.
    """

    def __init__(
        self,
        session: str,
        hearing: Hearing,
        voice: VoiceActivity,
        options: LiveOptions,
        *,
        sizes: StreamSizes,
        telemetry: Telemetry,
        on_close: Callable[["Stream"], None],
    ) -> None:
        self.session = session
        self.model = hearing.model_id
        self.language = hearing.language
        self.last_push = time.monotonic()
        self.connections = 0
        self._hearing = hearing
        self._voice = voice
        self._endpointer = Endpointer(options.endpointing)
        self._keep = round(options.endpointing.prefix_seconds * SAMPLE_RATE) + 2 * CHUNK_SAMPLES
        self._partials = options.partials
        self._sizes = sizes
        self._telemetry = telemetry
        self._on_close: Callable[[Stream], None] | None = on_close
        self._inbox: deque[Samples | _End] = deque()
        self._waiting = 0
        self._received = 0
        self._arrivals = Arrivals()
        self._work_to_do = asyncio.Event()
        self._room = asyncio.Event()
        self._tape = Tape()
        self._utterance: _Utterance | None = None
        self._utterances = 0
        self._told = Told(sizes.events)
        self._finished = False
        self._failure: Exception | None = None
        self._task = asyncio.create_task(self._run(), name=f"live-{session}")

    @property
    def received_seconds(self) -> float:
        """Audio pushed so far; a client that connects again goes on from there."""
        return self._received / SAMPLE_RATE

    @property
    def finished(self) -> bool:
        """No more audio is taken."""
        return self._finished

    async def push(self, samples: Samples) -> None:
        """Take 16 kHz mono samples [n]; waits while the machine is behind.

        Raises:
            NordlydError: the stream was finished, or has failed.
        """
        most = round(self._sizes.backlog * SAMPLE_RATE)
        for first in range(0, len(samples), SAMPLE_RATE):
            part = samples[first : first + SAMPLE_RATE]
            while self._waiting and self._waiting + len(part) > most and not self._finished:
                self._room.clear()
                await self._room.wait()
            if self._failure is not None:
                raise self._failure
            if self._finished:
                raise InvalidRequestError("The stream was finished; it takes no more audio.")
            self._waiting += len(part)
            self._received += len(part)
            self.last_push = time.monotonic()
            self._arrivals.note(self._received, self.last_push)
            self._put(part)

    async def flush(self) -> None:
        """End the utterance now; returns once its final result is among the events."""
        if not self._finished:
            await self._end(_End())

    async def finish(self) -> None:
        """Take no more audio; the last events follow and `events` then ends."""
        if not self._finished:
            self._finished = True
            self._put(_End(last=True))

    def fail_after_last_words(self, failure: NordlydError) -> None:
        """Take no more audio; what was pushed is still heard, and `events` then raises that."""
        if not self._finished:
            self._finished = True
            self._failure = failure
            self._room.set()
            self._put(_End(last=True, failure=failure))

    def connect(self) -> int:
        """Count one more connection, which alone goes on with this stream."""
        self.connections += 1
        self.last_push = time.monotonic()
        self._told.wake()
        return self.connections

    def events(self, wanted: Callable[[], bool]) -> AsyncIterator[LiveEvent]:
        """What there is to tell, in order, while it is wanted; raises what went wrong."""
        return self._told.read(wanted)

    async def close(self) -> None:
        """Drop the stream and everything it holds; safe at any time and more than once."""
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(self)
        self._finished = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._stop(None)

    def _put(self, item: Samples | _End) -> None:
        self._inbox.append(item)
        self._work_to_do.set()

    async def _end(self, end: _End) -> None:
        self._put(end)
        await end.done.wait()

    def _stop(self, failure: Exception | None) -> None:
        """Nothing more will be heard; nobody may go on waiting for it."""
        self._finished = True
        self._failure = self._failure or failure
        for item in self._inbox:
            if isinstance(item, _End):
                item.done.set()
        self._inbox.clear()
        self._waiting = 0
        self._tape = Tape()
        self._utterance = None
        self._room.set()
        self._told.end(failure)

    async def _run(self) -> None:
        failure: Exception | None = None
        try:
            failure = await self._listen()
        except NordlydError as error:
            failure = error
        # Nobody awaits this task: what is not caught here would leave the reader waiting.
        except Exception:
            _log.exception("live stream failed", session=self.session)
            failure = NordlydError("Something went wrong inside the service; its log says what.")
        self._stop(failure)

    async def _listen(self) -> NordlydError | None:
        """Take what comes until the end, and return what to say then."""
        while True:
            await self._work_to_do.wait()
            # All that has come by now is taken before the next step, so that who sends a file
            # at once pays for few steps.
            for _ in range(len(self._inbox)):
                item = self._inbox.popleft()
                if isinstance(item, _End):
                    await self._hear_rest()
                    item.done.set()
                    if item.last:
                        return item.failure
                    continue
                self._waiting -= len(item)
                self._room.set()
                await self._hear(item)
                await asyncio.sleep(0)
            if not self._inbox:
                self._work_to_do.clear()
            await self._told.room()
            await self._step_if_due()

    async def _hear(self, samples: Samples) -> None:
        """Find speech in the next samples; chunks are whole, what is left waits for more."""
        self._tape.append(samples)
        start = self._endpointer.position
        stop = start + (self._tape.end - start) // CHUNK_SAMPLES * CHUNK_SAMPLES
        for probability in self._voice.probabilities(self._tape.part(start, stop)):
            match self._endpointer.hear(probability):
                case Began(speech, kept):
                    self._begin(speech, kept)
                case Ended(at, cut):
                    await self._finish_utterance(at)
                    if cut:
                        self._begin(at, at)
        if self._utterance is None:
            self._tape.keep_from(self._endpointer.position - self._keep)

    async def _hear_rest(self) -> None:
        """End the utterance where the audio ends; a last piece of a chunk belongs to it."""
        if self._utterance is not None:
            self._endpointer.end(self._tape.end)
            await self._finish_utterance(self._tape.end)

    def _begin(self, speech: int, kept: int) -> None:
        self._utterance = _Utterance(self._utterances, kept, self._hearing.begin(), heard=kept)
        self._utterances += 1
        self._told.tell(SpeechStarted(self._utterance.number, speech / SAMPLE_RATE))

    async def _finish_utterance(self, at: int) -> None:
        utterance = self._utterance
        assert utterance is not None
        self._told.tell(EndpointReached(utterance.number, at / SAMPLE_RATE))
        read = await utterance.hearing.finish(self._tape.part(utterance.start, at))
        offset = utterance.start / SAMPLE_RATE
        words = _live(read.words, offset, len(read.words))
        self._observe(words[len(utterance.hearing.stable) :])
        self._told.tell(
            FinalResult(
                utterance=utterance.number,
                start=offset,
                end=at / SAMPLE_RATE,
                words=words,
                confidence=read.confidence,
                formatted_text=read.formatted_text,
                alternatives=tuple(
                    (text, score, _live(found, offset, len(found)))
                    for text, score, found in read.alternatives
                ),
            )
        )
        self._utterance = None
        self._tape.keep_from(at)

    async def _step_if_due(self) -> None:
        utterance = self._utterance
        if utterance is None or not self._partials:
            return
        position = self._endpointer.position
        if position - utterance.heard < self._sizes.step * SAMPLE_RATE:
            return
        window = utterance.hearing.needs(position - utterance.start)
        if window is None:
            return
        start, stop = (utterance.start + edge for edge in (window.start, window.stop))
        before = len(utterance.hearing.stable)
        try:
            words = await utterance.hearing.step(window, self._tape.part(start, stop))
        except OverloadedError:
            return  # The next step hears it too.
        finally:
            utterance.heard = position
        stable = len(utterance.hearing.stable)
        live = _live(words, utterance.start / SAMPLE_RATE, stable)
        told = (tuple(word.text for word in words), stable)
        if told != utterance.told:
            utterance.told = told
            self._told.tell(PartialResult(utterance.number, live))
            self._observe(live[before:stable])

    def _observe(self, words: tuple[LiveWord, ...]) -> None:
        """Count how long after its last sample arrived each word was there for good."""
        now = time.monotonic()
        for word in words:
            arrived = self._arrivals.when(round(word.end * SAMPLE_RATE))
            if arrived is not None:
                self._telemetry.live_word_seconds.labels(self.model).observe(now - arrived)


def _live(words: tuple[Word, ...], offset: float, stable: int) -> tuple[LiveWord, ...]:
    return tuple(
        LiveWord(word.text, word.start + offset, word.end + offset, word.confidence, index < stable)
        for index, word in enumerate(words)
    )
