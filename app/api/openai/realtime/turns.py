"""One live stream of a connection in, the events of its items out.

Where the service finds the turns, every utterance is an item; where the client commits, all that
was heard since the last commit is one.
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
    SpeechStarted,
)

_log = structlog.get_logger("nordlyd.openai")


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where a stream's events go; neither raises when the client is gone.

    Attributes:
        tell: sends events.
        leave: ends the connection after an error that was told.
        request_id: for the log.
    """

    tell: Callable[[Sequence[Event]], Awaitable[None]]
    leave: Callable[[NordlydError], Awaitable[None]]
    request_id: str


@dataclass(slots=True)
class Order:
    """The item that was committed last; what comes next follows it."""

    last: str | None = None

    def commit(self, item: Item) -> list[Event]:
        """The events of an item that is committed now."""
        previous, self.last = self.last, item.id
        return item.committed(previous)


@dataclass(frozen=True, slots=True)
class Turns:
    """How the items of a stream are made.

    Attributes:
        detected: the service finds them; otherwise the client commits.
        prefix: seconds of audio before its speech that belong to a detected one.
        logprobs: whether to tell how sure the words are.
        offset: seconds of audio that the connection had before the stream.
    """

    detected: bool
    prefix: float
    logprobs: bool
    offset: float


class Listening:
    """One live stream, and the task that tells what it hears.

    Args:
        stream: just opened; closed when its last word was told.
        turns: how its items are made.
        order: of the connection's items.
        outlet: where the events go.
        before: what ended for want of audio, whose item it goes on with.
    """

    def __init__(
        self,
        stream: LiveStream,
        turns: Turns,
        order: Order,
        outlet: Outlet,
        before: "Listening | None" = None,
    ) -> None:
        self._stream = stream
        self._turns = turns
        self._order = order
        self._outlet = outlet
        self._item = None if turns.detected else self._new_item()
        self._seconds_before = 0.0
        if before is not None and not turns.detected and before.failure is None:
            self._item = before._item
            self._seconds_before = before.uncommitted_seconds
        self._committing = False
        self._answered = False
        self._committed_seconds = 0.0
        self.failure: NordlydError | None = None
        self._task = asyncio.create_task(self._run(), name="openai-realtime")

    @property
    def detected(self) -> bool:
        """The service finds the turns."""
        return self._turns.detected

    @property
    def over(self) -> bool:
        """It takes no more audio, and all of it was told."""
        return self._task.done()

    @property
    def seconds(self) -> float:
        """Audio that it got."""
        return self._stream.received_seconds

    @property
    def uncommitted_seconds(self) -> float:
        """Audio that is in no item yet."""
        return self._seconds_before + self.seconds - self._committed_seconds

    async def push(self, samples: Samples) -> None:
        """Take more audio.

        Raises:
            NordlydError: the stream is over; `settle` says when why was told.
        """
        await self._stream.push(samples)

    async def settle(self) -> None:
        """Wait for the last that is told of a stream that takes no more audio."""
        await asyncio.wait({self._task})

    async def finish(self) -> None:
        """Take no more audio, and return when the rest was told."""
        await self._stream.finish()
        await self.settle()

    async def commit(self) -> None:
        """Make what was heard an item, speech or not, and return when all of it was told."""
        self._committing = True
        if self._item is not None and not self.detected:
            await self._outlet.tell(self._order.commit(self._item))
        await self.finish()
        if self.failure is not None or self._answered:
            return
        item = self._item
        if item is None:
            item = self._new_item()
            await self._outlet.tell(self._order.commit(item))
        await self._outlet.tell([item.completed(self.uncommitted_seconds)])

    async def drop(self) -> None:
        """Forget what was heard and not told."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._stream.close()

    async def _run(self) -> None:
        try:
            async for heard in self._stream.events():
                await self._outlet.tell(self._events(heard))
        except StreamIdleError:
            return  # The next audio opens another stream.
        except NordlydError as error:
            self.failure = error
        # Nobody else would tell the client.
        except Exception:
            _log.exception("realtime stream failed")
            self.failure = internal_error(self._outlet.request_id)
        finally:
            await self._stream.close()
        if self.failure is not None:
            committed = self._item is not None and (self.detected or self._committing)
            told = (
                self._item.failed(self.failure)
                if self._item is not None and committed
                else error_event(self.failure, None)
            )
            await self._outlet.tell([told])
            await self._outlet.leave(self.failure)

    def _events(self, heard: LiveEvent) -> list[Event]:
        if not self.detected:
            return self._within_item(heard)
        match heard:
            case SpeechStarted(time=time):
                item = self._item = self._new_item()
                start = max(0.0, time - self._turns.prefix)
                told = {"audio_start_ms": self._milliseconds(start), "item_id": item.id}
                return [event("input_audio_buffer.speech_started", **told)]
            case EndpointReached(time=time):
                return self._stopped(time)
            case FinalResult():
                assert self._item is not None
                item, self._item = self._item, None
                self._committed_seconds = heard.end
                return [*item.final(heard), item.completed(heard.end - heard.start)]
            case _:
                return self._within_item(heard)

    def _within_item(self, heard: LiveEvent) -> list[Event]:
        assert self._item is not None
        match heard:
            case PartialResult():
                return self._item.partial(heard)
            case FinalResult():
                return self._item.final(heard)
            case _:
                return []

    def _stopped(self, time: float) -> list[Event]:
        assert self._item is not None
        told = self._order.commit(self._item)
        if self._committing:
            # Its client said where it stops.
            self._answered = True
            return told
        ended = {"audio_end_ms": self._milliseconds(time), "item_id": self._item.id}
        return [event("input_audio_buffer.speech_stopped", **ended), *told]

    def _new_item(self) -> Item:
        return Item(logprobs=self._turns.logprobs)

    def _milliseconds(self, seconds: float) -> int:
        return round((self._turns.offset + seconds) * 1000)
