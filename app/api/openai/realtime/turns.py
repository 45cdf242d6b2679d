"""Turns the events of one live stream into the events of its conversation items.

Where the service detects turns, every utterance is an item; where the client commits, all audio
since the last commit is one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from app.api.errors import internal_error
from app.api.openai.realtime.events import Event, error_event, event
from app.api.openai.realtime.items import Item
from app.audio import Samples
from app.errors import NordlydError, StreamIdleError
from app.streaming import (
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveStream,
    PartialResult,
    PcmInput,
    SpeechStarted,
    StreamConsumer,
)

_log = structlog.get_logger("nordlyd.openai")


@dataclass(frozen=True, slots=True)
class Outlet:
    """How events reach the client; neither call raises when it has disconnected.

    Attributes:
        emit: sends events.
        leave: ends the connection after an error that was sent.
        request_id: for the log.
    """

    emit: Callable[[Sequence[Event]], Awaitable[None]]
    leave: Callable[[NordlydError], Awaitable[None]]
    request_id: str


@dataclass(slots=True)
class Order:
    """The item that was committed last, which the next one follows."""

    last: str | None = None

    def commit(self, item: Item) -> list[Event]:
        """Returns the events of an item that is committed now."""
        previous, self.last = self.last, item.id
        return item.committed(previous)


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How the items of a stream are made.

    Attributes:
        detected: the service detects turns; otherwise the client commits.
        prefix: seconds of audio before its speech that belong to a detected one.
        logprobs: whether to send the words' log probabilities.
        offset: seconds of audio that the connection had before the stream.
    """

    detected: bool
    prefix: float
    logprobs: bool
    offset: float


class TurnStream:
    """One live stream of a connection, whose events become those of its items.

    Args:
        stream: just opened; closed after its last event.
        pcm: decodes the connection's audio.
        options: how its items are made.
        order: of the connection's items.
        outlet: sends the events.
        before: the stream that ended for want of audio, whose item this one continues.
        max_seconds: of audio in one message.
    """

    def __init__(
        self,
        stream: LiveStream,
        pcm: PcmInput,
        options: TurnOptions,
        order: Order,
        outlet: Outlet,
        *,
        before: "TurnStream | None",
        max_seconds: float,
    ) -> None:
        self._options = options
        self._order = order
        self._outlet = outlet
        self._item = None if options.detected else self._new_item()
        # Detected turns without a final result, by their utterance. In a masked stream the result
        # of one may come after the next has begun.
        self._turns: dict[int, Item] = {}
        self._seconds_before = 0.0
        if before is not None and not options.detected and before.failure is None:
            self._item = before._item
            self._seconds_before = before.uncommitted_seconds
        self._committing = False
        self._item_ended = False
        self._committed_seconds = 0.0
        self.failure: NordlydError | None = None
        self._consumer = StreamConsumer(stream, pcm, self._emit, max_seconds=max_seconds)
        self.ended = asyncio.create_task(self._run(), name="openai-realtime")

    @property
    def detected(self) -> bool:
        """Whether the service detects turns."""
        return self._options.detected

    @property
    def seconds(self) -> float:
        """Audio that the stream accepted."""
        return self._consumer.received_seconds

    @property
    def uncommitted_seconds(self) -> float:
        """Audio that is in no item yet."""
        return self._seconds_before + self.seconds - self._committed_seconds

    async def push(self, samples: Samples) -> bool:
        """Pushes 16 kHz mono samples [n]; returns whether the stream accepted them."""
        return await self._consumer.push(samples)

    async def settle(self) -> None:
        """Waits until the last event of a stream that ended was sent."""
        await asyncio.wait({self.ended})

    async def finish(self) -> None:
        """Accepts no more audio; returns when the last event was sent."""
        await self._consumer.finish()
        await self.settle()

    async def commit(self) -> None:
        """Makes an item of the audio, speech or not; returns when its last event was sent."""
        self._committing = True
        if self._item is not None:
            await self._outlet.emit(self._order.commit(self._item))
        await self.finish()
        if self.failure is not None or self._item_ended:
            return
        item = self._item
        if item is None:
            item = self._new_item()
            await self._outlet.emit(self._order.commit(item))
        await self._outlet.emit([item.completed(self.uncommitted_seconds)])

    async def drop(self) -> None:
        """Drops the audio whose results were not sent."""
        self.ended.cancel()
        await asyncio.gather(self.ended, return_exceptions=True)
        await self._consumer.close()

    async def _run(self) -> None:
        """Waits for the last event, and reports the error that ended the stream."""
        try:
            await self._consumer.wait()
        except StreamIdleError:
            return  # The next audio opens another stream.
        except NordlydError as error:
            self.failure = error
        # No task awaits this one: an error that is not caught here would never reach the client.
        except Exception:
            _log.exception("realtime stream failed")
            self.failure = internal_error(self._outlet.request_id)
        finally:
            await self._consumer.close()
        if self.failure is not None:
            items = list(self._turns.values())
            if self._item is not None and self._committing:
                items.append(self._item)
            failed = [item.failed(self.failure) for item in items]
            await self._outlet.emit(failed or [error_event(self.failure, None)])
            await self._outlet.leave(self.failure)

    async def _emit(self, live: LiveEvent) -> None:
        await self._outlet.emit(self._events(live))

    def _events(self, live: LiveEvent) -> list[Event]:
        if not self.detected:
            return self._within_item(live)
        match live:
            case SpeechStarted(utterance, time):
                item = self._turns[utterance] = self._new_item()
                start = max(0.0, time - self._options.prefix)
                fields = {"audio_start_ms": self._milliseconds(start), "item_id": item.id}
                return [event("input_audio_buffer.speech_started", **fields)]
            case EndpointReached(utterance, time):
                return self._stopped(self._turns[utterance], time)
            case PartialResult(utterance=utterance):
                return self._turns[utterance].partial(live)
            case FinalResult(utterance=utterance):
                item = self._turns.pop(utterance)
                self._committed_seconds = live.end
                return [*item.final(live), item.completed(live.end - live.start)]

    def _within_item(self, live: LiveEvent) -> list[Event]:
        assert self._item is not None
        match live:
            case PartialResult():
                return self._item.partial(live)
            case FinalResult():
                return self._item.final(live)
            case _:
                return []

    def _stopped(self, item: Item, time: float) -> list[Event]:
        committed = self._order.commit(item)
        if self._committing:
            # The client itself ended the turn.
            self._item_ended = True
            return committed
        fields = {"audio_end_ms": self._milliseconds(time), "item_id": item.id}
        return [event("input_audio_buffer.speech_stopped", **fields), *committed]

    def _new_item(self) -> Item:
        return Item(logprobs=self._options.logprobs)

    def _milliseconds(self, seconds: float) -> int:
        return round((self._options.offset + seconds) * 1000)
