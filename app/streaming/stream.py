"""One stream of audio in, its events out, by a task of its own.

Audio waits in a short inbox; the task has it heard, never more than one step at a time. A busy
machine makes the steps longer, and one that is far behind makes who pushes wait.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import structlog

from app.audio import SAMPLE_RATE, Samples
from app.errors import InvalidRequestError, NordlydError
from app.streaming.arrivals import Arrivals
from app.streaming.event_queue import EventQueue
from app.streaming.recognizer import StreamRecognizer
from app.streaming.types import LiveEvent, LiveOptions, LiveWord
from app.streaming.utterance_tracker import UtteranceTracker
from app.streaming.voice import VoiceActivity
from app.telemetry import Telemetry

_log = structlog.get_logger("nordlyd.streaming")

# A second is found speech in at once; then others have their turn on the event loop.
_PIECE = SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class StreamSizes:
    """How one stream is paced.

    Attributes:
        step_seconds: new audio after which an utterance is listened to again.
        backlog_seconds: audio that may wait; then pushing waits.
        events: that may wait for a reader; then the stream waits.
    """

    step_seconds: float = 0.12
    backlog_seconds: float = 5.0
    events: int = 256


@dataclass(slots=True)
class _End:
    """A wish to end the utterance; the last one ends the stream too."""

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
        hearing: StreamRecognizer,
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
        self.connections = 0
        self._most = round(sizes.backlog_seconds * SAMPLE_RATE)
        self._telemetry = telemetry
        self._on_close: Callable[[Stream], None] | None = on_close
        self._inbox: deque[Samples | _End] = deque()
        self._waiting = 0
        self._received = 0
        self._arrivals = Arrivals()
        self._work_to_do = asyncio.Event()
        self._room = asyncio.Event()
        self._told = EventQueue(sizes.events)
        self._listener = UtteranceTracker(
            hearing,
            voice,
            options.endpointing,
            step_seconds=sizes.step_seconds if options.partials else None,
            tell=self._told.tell,
            on_stable=self._observe,
        )
        self._finished = False
        self._failure: Exception | None = None
        self._task = asyncio.create_task(self._run(), name=f"live-{session}")

    @property
    def received_seconds(self) -> float:
        """Audio pushed so far; a client that connects again goes on from there."""
        return self._received / SAMPLE_RATE

    async def push(self, samples: Samples) -> None:
        """Take 16 kHz mono samples [n]; waits while the machine is behind.

        Raises:
            NordlydError: the stream was finished, or has failed.
        """
        for first in range(0, len(samples), _PIECE):
            piece = samples[first : first + _PIECE]
            while self._waiting and self._waiting + len(piece) > self._most and not self._finished:
                self._room.clear()
                await self._room.wait()
            if self._failure is not None:
                raise self._failure
            if self._finished:
                raise InvalidRequestError("The stream was finished; it takes no more audio.")
            self._waiting += len(piece)
            self._received += len(piece)
            self._arrivals.note(self._received, time.monotonic())
            self._put(piece)

    async def flush(self) -> None:
        """End the utterance now; returns once its final result is among the events."""
        if not self._finished:
            end = _End()
            self._put(end)
            await end.done.wait()

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
        self._told.wake()
        return self.connections

    def tell_again(self, after: int) -> None:
        """Tell the final results of later utterances than that once more."""
        self._told.tell_again(after)

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

    def _stop(self, failure: Exception | None) -> None:
        """Nothing more will be heard; nobody may go on waiting for it."""
        self._finished = True
        self._failure = self._failure or failure
        for item in self._inbox:
            if isinstance(item, _End):
                item.done.set()
        self._inbox.clear()
        self._waiting = 0
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
                    try:
                        await self._listener.end()
                    finally:
                        item.done.set()
                    if item.last:
                        return item.failure
                    continue
                self._waiting -= len(item)
                self._room.set()
                await self._listener.hear(item)
                await asyncio.sleep(0)
            if not self._inbox:
                self._work_to_do.clear()
            await self._told.room()
            await self._listener.step()

    def _observe(self, words: tuple[LiveWord, ...]) -> None:
        """Count how long after its last sample arrived each word was there for good."""
        now = time.monotonic()
        for word in words:
            arrived = self._arrivals.when(round(word.end * SAMPLE_RATE))
            if arrived is not None:
                self._telemetry.live_word_seconds.labels(self.model).observe(now - arrived)
