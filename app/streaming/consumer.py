"""One client's connection to a live stream: feeds its audio, relays the events, reads messages.

Every protocol uses these parts; what remains to it is the translation of its messages.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

from app.audio import Samples
from app.errors import ClientDisconnectedError, NordlydError, StreamIdleError
from app.streaming.pcm import PcmInput, decoded
from app.streaming.types import LiveEvent, LiveStream

_T = TypeVar("_T")
_T2 = TypeVar("_T2")


class StreamConsumer:
    """Feeds one stream with a client's audio, and relays the events in a task of its own.

    Args:
        stream: just opened or resumed.
        pcm: decodes the client's audio.
        emit: sends an event to the client; what it raises ends the relay.
        max_seconds: of audio in one message.

    Attributes:
        language: of the stream.
        ended: the relay; done after the last event, or with the error that ended the stream.
    """

    def __init__(
        self,
        stream: LiveStream,
        pcm: PcmInput,
        emit: Callable[[LiveEvent], Awaitable[None]],
        *,
        max_seconds: float,
    ) -> None:
        self.language = stream.language
        self._stream = stream
        self._pcm = pcm
        self._max_seconds = max_seconds
        self.ended = asyncio.create_task(self._relay(emit), name=f"events-{stream.session}")

    @property
    def received_seconds(self) -> float:
        """Audio accepted so far."""
        return self._stream.received_seconds

    async def accept_waveform(self, data: bytes) -> bool:
        """Decodes and pushes one message of audio; waits while processing is behind.

        Returns:
            Whether the stream accepted all of it; if not, it has ended, and `wait` raises why.

        Raises:
            TooLargeError: the message holds more audio than `max_seconds`.
            AudioError: a sample is not a finite number.
        """
        async for samples in decoded(self._pcm, data, max_seconds=self._max_seconds):
            if not await self.push(samples):
                return False
        return True

    async def push(self, samples: Samples) -> bool:
        """Pushes 16 kHz mono samples [n]; returns whether the stream accepted them."""
        try:
            await self._stream.push(samples)
        except NordlydError:
            return False
        return True

    async def flush(self) -> None:
        """Ends the utterance now; returns once its final result is among the events."""
        await self.push(self._pcm.flush())
        with suppress(NordlydError):
            await self._stream.flush()

    async def finish(self) -> None:
        """Accepts no more audio; the last events follow, see `wait`."""
        await self.push(self._pcm.flush())
        with suppress(NordlydError):
            await self._stream.finish()

    async def wait(self) -> None:
        """Waits for the last event.

        Raises:
            NordlydError: why the stream ended before its audio did.
            Exception: what `emit` raised.
        """
        await asyncio.wait({self.ended})
        self.ended.result()

    async def stop(self) -> None:
        """Relays no more events; the stream stays open."""
        self.ended.cancel()
        await asyncio.gather(self.ended, return_exceptions=True)

    async def close(self) -> None:
        """Relays no more events, and drops the stream."""
        await self.stop()
        await self._stream.close()

    async def _relay(self, emit: Callable[[LiveEvent], Awaitable[None]]) -> None:
        async for event in self._stream.events():
            await emit(event)


class MessageReader(Generic[_T]):
    """Reads a client's messages one at a time, while its stream may end by itself.

    Args:
        receive: waits for the next message.
        idle_seconds: without a stream, a client that sends nothing for so long is idle.
        gone: done once the client has left, where `receive` alone would show it late.
    """

    def __init__(
        self,
        receive: Callable[[], Coroutine[Any, Any, _T]],
        *,
        idle_seconds: float,
        gone: asyncio.Future[None] | None = None,
    ) -> None:
        self._receive = receive
        self._idle_seconds = idle_seconds
        self._gone = gone
        self._reading: asyncio.Task[_T] | None = None

    async def next(self, ended: asyncio.Future[None] | None = None) -> _T:
        """Waits for the next message, unless the stream ends first.

        A read that did not complete continues with the next call, so that no part of a message
        is lost.

        Args:
            ended: done once the client's stream has ended; None without a stream.

        Raises:
            StreamIdleError: without a stream, no message arrived for too long.
            Exception: why the stream ended, or what `receive` raised.
        """
        if self._reading is None:
            self._reading = asyncio.create_task(self._receive(), name="next-message")
        while not self._reading.done():
            # A stream without audio ends by itself.
            timeout = self._idle_seconds if ended is None else None
            waiting: set[asyncio.Future[Any]] = {self._reading, *([ended] if ended else [])}
            await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if self._reading.done():
                break
            if ended is None:
                raise StreamIdleError(
                    f"No message arrived for {self._idle_seconds:g} s (NORDLYD_LIVE_IDLE_SECONDS)."
                )
            ended.result()
            ended = None
        reading, self._reading = self._reading, None
        return reading.result()

    async def run(self, work: Coroutine[Any, Any, _T2]) -> _T2:
        """Runs the work for a message while the client is connected; cancels it otherwise.

        Raises:
            ClientDisconnectedError: the client left.
        """
        task = asyncio.create_task(work, name="message")
        try:
            waiting: set[asyncio.Future[Any]] = {task, *([self._gone] if self._gone else [])}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientDisconnectedError("The client left before its message was processed.")
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Reads no more messages."""
        futures: list[asyncio.Future[Any]] = [
            future for future in (self._reading, self._gone) if future is not None
        ]
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)


async def recognize(
    stream: LiveStream, pcm: PcmInput, pieces: AsyncIterable[bytes]
) -> AsyncGenerator[LiveEvent, None]:
    """Yields the events of a stream while it is fed with pieces of raw PCM, until both end.

    Args:
        stream: just opened; the caller closes it.
        pcm: decodes the pieces.
        pieces: of any size.

    Raises:
        NordlydError: why the stream ended before its audio did.
        Exception: what `pieces` raised, after the events of the audio before.
    """

    async def feed() -> None:
        try:
            async for piece in pieces:
                await stream.push(pcm.feed(piece))
            await stream.push(pcm.flush())
        finally:
            await stream.finish()

    feeding = asyncio.create_task(feed(), name="feed-stream")
    try:
        async for event in stream.events():
            yield event
        await feeding
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
