"""One stream of audio, processed by a task of its own, and one client's connection to it.

Audio waits in a short inbox, and the task makes one update at a time. On a busy machine updates
become longer; where processing is far behind, `push` waits.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import structlog

from app.audio import SAMPLE_RATE, Samples
from app.errors import InvalidRequestError, NordlydError
from app.streaming.event_queue import EventQueue
from app.streaming.recognizer import StreamRecognizer
from app.streaming.redacted import RedactedResults
from app.streaming.types import LiveEvent, LiveOptions
from app.streaming.utterance_tracker import UtteranceTracker
from app.streaming.vad import VoiceActivityDetector
from app.telemetry import Telemetry

_log = structlog.get_logger("nordlyd.streaming")

# Speech is searched for in one second at once; then other tasks of the event loop run.
_PIECE = SAMPLE_RATE


class SessionTakenError(InvalidRequestError):
    """Another connection continues this stream."""

    code = "session_taken"

    def __init__(self) -> None:
        super().__init__("Another connection took this session over.", param="session")


@dataclass(frozen=True, slots=True)
class StreamSizes:
    """How one stream is paced.

    Attributes:
        step_seconds: new audio after which an utterance is transcribed again.
        backlog_seconds: audio that may wait; then `push` waits.
        events: that may wait to be read; then the stream waits.
    """

    step_seconds: float = 0.12
    backlog_seconds: float = 5.0
    events: int = 256


@dataclass(frozen=True, slots=True)
class _Audio:
    """Samples that wait in the inbox, and the instant they arrived."""

    samples: Samples
    arrived: float


@dataclass(slots=True)
class _End:
    """A request to end the utterance; the last one ends the stream too."""

    last: bool = False
    failure: NordlydError | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """Accepts audio and emits events; clients use it through a `Connection`.

    Args:
        session: its name.
        recognizer: turns utterances into words.
        vad: finds speech.
        options: how the stream is transcribed.
        sizes: how it is paced.
        telemetry: where its latency is measured.
        on_close: called once, when the stream is closed.
    """

    def __init__(
        self,
        session: str,
        recognizer: StreamRecognizer,
        vad: VoiceActivityDetector,
        options: LiveOptions,
        *,
        sizes: StreamSizes,
        telemetry: Telemetry,
        on_close: Callable[["Stream"], None],
    ) -> None:
        self.session = session
        self.model = recognizer.model_id
        self.language = recognizer.language
        self.connections = 0
        self._max_waiting = round(sizes.backlog_seconds * SAMPLE_RATE)
        self._telemetry = telemetry
        self._on_close: Callable[[Stream], None] | None = on_close
        self._inbox: deque[_Audio | _End] = deque()
        self._waiting = 0
        self._received = 0
        self._work_to_do = asyncio.Event()
        self._room = asyncio.Event()
        self._events = EventQueue(sizes.events)
        self._redacted = self._redacted_results(recognizer)
        # A growing utterance is not masked: what it has may be the beginning of a number.
        partials = options.partials and self._redacted is None
        self._tracker = UtteranceTracker(
            recognizer,
            vad,
            options.endpointing,
            step_seconds=sizes.step_seconds if partials else None,
            emit=self._events.emit if self._redacted is None else self._redacted.emit,
            on_stable=self._observe_latency,
        )
        self._finished = False
        self._failure: Exception | None = None
        self._task = asyncio.create_task(self._run(), name=f"live-{session}")

    @property
    def received_seconds(self) -> float:
        """Audio pushed so far."""
        return self._received / SAMPLE_RATE

    async def push(self, samples: Samples) -> None:
        """Accepts 16 kHz mono samples [n]; waits while processing is behind.

        Raises:
            NordlydError: the stream was finished, or has failed.
        """
        for first in range(0, len(samples), _PIECE):
            piece = samples[first : first + _PIECE]
            while (
                self._waiting
                and self._waiting + len(piece) > self._max_waiting
                and not self._finished
            ):
                self._room.clear()
                await self._room.wait()
            if self._failure is not None:
                raise self._failure
            if self._finished:
                raise InvalidRequestError("The stream was finished; it takes no more audio.")
            self._waiting += len(piece)
            self._received += len(piece)
            self._put(_Audio(piece, time.monotonic()))

    async def flush(self) -> None:
        """Ends the utterance now; returns once its final result is among the events."""
        if not self._finished:
            end = _End()
            self._put(end)
            await end.done.wait()

    async def finish(self) -> None:
        """Accepts no more audio; the last events follow and `events` then ends."""
        if not self._finished:
            self._finished = True
            self._put(_End(last=True))

    def finish_with(self, failure: NordlydError) -> None:
        """Accepts no more audio; what was pushed is still processed, then `events` raises that."""
        if not self._finished:
            self._finished = True
            self._failure = failure
            self._room.set()
            self._put(_End(last=True, failure=failure))

    def connect(self) -> int:
        """Makes a new connection the current one; returns its number."""
        self.connections += 1
        self._events.wake_readers()
        return self.connections

    def emit_again(self, after: int) -> None:
        """Emits the final results of later utterances than that once more."""
        self._events.emit_again(after)

    def events(self, is_current: Callable[[], bool]) -> AsyncIterator[LiveEvent]:
        """Yields the events in order while the reader is current; raises why the stream failed."""
        return self._events.read(is_current)

    async def close(self) -> None:
        """Drops the stream and everything it holds; safe at any time and more than once."""
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(self)
        self._finished = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._stop(None)

    def _put(self, item: _Audio | _End) -> None:
        self._inbox.append(item)
        self._work_to_do.set()

    def _stop(self, failure: Exception | None) -> None:
        """Ends the events, and everything that waits for the task."""
        self._finished = True
        self._failure = self._failure or failure
        for item in self._inbox:
            if isinstance(item, _End):
                item.done.set()
        self._inbox.clear()
        self._waiting = 0
        self._room.set()
        self._events.end(failure)

    async def _run(self) -> None:
        failure: Exception | None = None
        try:
            failure = await self._process()
        except NordlydError as error:
            failure = error
            if self._redacted is not None:
                self._redacted.release()
        # No task awaits this one: an error that is not caught here would leave readers waiting.
        except Exception:
            _log.exception("live stream failed", session=self.session)
            failure = NordlydError(
                "Something went wrong inside the service; its log has the cause."
            )
        self._stop(failure)

    async def _process(self) -> NordlydError | None:
        """Processes the inbox until the stream ends; returns the error that ended it, if any."""
        while True:
            await self._work_to_do.wait()
            # All audio that has arrived is accepted before the next update, so that a client that
            # sends a file at once causes few updates.
            for _ in range(len(self._inbox)):
                item = self._inbox.popleft()
                if isinstance(item, _End):
                    try:
                        await self._tracker.end_utterance()
                        if self._redacted is not None:
                            self._redacted.release()
                    finally:
                        item.done.set()
                    if item.last:
                        return item.failure
                    continue
                self._waiting -= len(item.samples)
                self._room.set()
                await self._tracker.accept_waveform(item.samples, item.arrived)
                if self._redacted is not None:
                    self._redacted.advance((self._received - self._waiting) / SAMPLE_RATE)
                await asyncio.sleep(0)
            if not self._inbox:
                self._work_to_do.clear()
            await self._events.wait_for_room()
            await self._tracker.update()

    def _redacted_results(self, recognizer: StreamRecognizer) -> RedactedResults | None:
        """Returns what masks the final results; None where nothing is masked."""
        route = recognizer.route
        if route.redaction is None:
            return None
        return RedactedResults(route.language, route.redaction, route.formatting, self._events.emit)

    def _observe_latency(self, arrived: float) -> None:
        """Measures the time from the arrival of a word's last sample until it is stable."""
        self._telemetry.live_word_seconds.labels(self.model).observe(time.monotonic() - arrived)


class Connection:
    """A `LiveStream`, for as long as no other connection takes the stream over.

    Args:
        stream: its newest connection is this one from now on.
    """

    def __init__(self, stream: Stream) -> None:
        self.session = stream.session
        self.model = stream.model
        self.language = stream.language
        self._stream = stream
        self._number = stream.connect()

    @property
    def current(self) -> bool:
        """Whether no other connection has taken the stream over."""
        return self._stream.connections == self._number

    @property
    def received_seconds(self) -> float:
        """Audio pushed so far; a client that connects again continues from there."""
        return self._stream.received_seconds

    async def push(self, samples: Samples) -> None:
        """Accepts 16 kHz mono samples [n]; waits while processing is behind.

        Raises:
            NordlydError: the stream was finished, has failed or was taken over.
        """
        self._check()
        await self._stream.push(samples)

    async def flush(self) -> None:
        """Ends the utterance now; returns once its final result is among the events."""
        self._check()
        await self._stream.flush()

    async def finish(self) -> None:
        """Accepts no more audio; the last events follow and `events` then ends."""
        self._check()
        await self._stream.finish()

    async def events(self) -> AsyncIterator[LiveEvent]:
        """Yields the events in order; raises why the stream failed, if it did.

        Raises:
            SessionTakenError: another connection reads them now.
        """
        async for event in self._stream.events(lambda: self.current):
            yield event
        self._check()

    async def close(self) -> None:
        """Drops the stream and everything it holds, unless it was taken over."""
        if self.current:
            await self._stream.close()

    def _check(self) -> None:
        if not self.current:
            raise SessionTakenError
