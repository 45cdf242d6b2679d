"""Home Assistant's Wyoming protocol over TCP: events with PCM in, transcripts out.

https://github.com/OHF-Voice/wyoming; the package reads and writes the events.
"""

import asyncio
import uuid
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioFormat, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler, AsyncServer, HandlerFactory

from app.errors import InvalidRequestError, StreamIdleError
from app.protocols.places import CountedStream
from app.protocols.serving import STOP_SECONDS, Port, ProtocolContext, explain
from app.protocols.wyoming_events import (
    LINE_BYTES,
    BoundedReader,
    Wish,
    describe,
    next_event,
    read_format,
    read_wish,
)
from app.streaming import (
    Endpointing,
    FinalResult,
    LiveOptions,
    LiveStream,
    LiveWord,
    PartialResult,
    PcmInput,
    decoded,
)

_log = structlog.get_logger("nordlyd.wyoming")


class WyomingServer(AsyncServer):
    """Serves Wyoming clients.

    Args:
        port: where.
        context: what serves them.
    """

    def __init__(self, port: Port, context: ProtocolContext) -> None:
        super().__init__()
        self._port = port
        self._context = context
        self._factory: HandlerFactory = partial(Conversation, context)
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where clients on this machine find it."""
        return self._port.address

    async def start(self, handler_factory: HandlerFactory | None = None) -> None:
        """Accept connections."""
        connected = partial(self._handler_callback, handler_factory or self._factory)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: CountedStream(
                BoundedReader(limit=LINE_BYTES), connected, table=self._context.connections
            ),
            sock=self._port.listener,
        )

    async def run(self, handler_factory: HandlerFactory) -> None:
        """Accept connections and never return."""
        await self.start(handler_factory)
        assert self._server is not None
        await self._server.serve_forever()

    async def stop(self) -> None:
        """Accept no more connections, and end those there are."""
        if self._server is None:
            self._port.listener.close()
            return
        self._server.close()
        conversations = tuple(self._handlers)
        await super().stop()
        if conversations:
            await asyncio.wait(conversations, timeout=STOP_SECONDS)


class Conversation(AsyncEventHandler):
    """One client's connection, and its stream while it speaks.

    Args:
        context: what serves it.
        reader: what the client sends.
        writer: what it is told.
    """

    def __init__(
        self, context: ProtocolContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._context = context
        self._request_id = uuid.uuid4().hex
        self._wish = Wish()
        self._listening: _Listening | None = None
        self._reading: asyncio.Task[Event | None] | None = None
        self._refused = False

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        try:
            while await self._serve_one():
                pass
        except (OSError, EOFError):
            _log.debug("client hung up", request_id=self._request_id)
        finally:
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.gather(self._reading, return_exceptions=True)
            await self.disconnect()
            self.writer.close()

    async def handle_event(self, event: Event) -> bool:
        """Do what an event asks for; False ends the connection.

        Raises:
            NordlydError: it cannot be done.
        """
        if self._refused:
            return not AudioStop.is_type(event.type)
        await self._take(event)
        return True

    async def stop(self) -> None:
        """End the connection, and say why to a client that speaks."""
        if self._listening is not None:
            stopped = Error(text="The service stopped before the audio did.", code="draining")
            with suppress(OSError):
                await self.write_event(stopped.event())
        await super().stop()

    async def write_event(self, event: Event) -> None:
        """Tell the client something.

        Raises:
            OSError: it hung up.
        """
        try:
            await super().write_event(event)
        except RuntimeError as error:
            # uvloop's word for a connection that is closed; asyncio itself raises an OSError.
            if not self.writer.is_closing():
                raise
            raise ConnectionResetError("the client hung up") from error

    async def disconnect(self) -> None:
        """Drop the stream, if there is one."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()

    async def _serve_one(self) -> bool:
        """Read an event and do what it asks for; False ends the connection."""
        speaking = self._listening is not None
        try:
            event = await self._next()
            if event is None:
                return False
            speaking = AudioStart.is_type(event.type) or AudioChunk.is_type(event.type)
            return await self.handle_event(event)
        except (OSError, EOFError):
            raise
        except Exception as error:
            told = explain(error, self._context.telemetry, self._request_id)
        await self.disconnect()
        await self.write_event(Error(text=told.message, code=told.code).event())
        # Home Assistant reads nothing until it has sent everything, and then waits for its
        # transcript until the connection ends.
        self._refused = speaking
        return speaking

    async def _next(self) -> Event | None:
        """The next event; raises instead what ended the stream meanwhile, if anything did."""
        if self._reading is None:
            self._reading = asyncio.create_task(next_event(self.reader), name="wyoming-reading")
        if self._listening is not None:
            waiting: set[asyncio.Future[Any]] = {self._reading, self._listening.relay}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not self._reading.done():
                # Nothing is half read: the same reading goes on the next time.
                await self._listening.relay
        else:
            seconds = self._context.idle_seconds
            await asyncio.wait({self._reading}, timeout=seconds)
            if not self._reading.done():
                raise StreamIdleError(
                    f"No event has come for {seconds:g} s (NORDLYD_LIVE_IDLE_SECONDS)."
                )
        reading, self._reading = self._reading, None
        return await reading

    async def _take(self, event: Event) -> None:
        """Do what an event asks for; unknown ones are passed over, as the protocol says."""
        kind = event.type
        if Describe.is_type(kind):
            self._context.service.check_ready()
            cards = [loaded.card for loaded in self._context.service.transcriber.models]
            await self.write_event(describe(cards).event())
        elif Ping.is_type(kind):
            await self.write_event(Pong(Ping.from_event(event).text).event())
        elif Transcribe.is_type(kind):
            self._wish = read_wish(event)
        elif AudioStart.is_type(kind):
            await self.disconnect()
            await self._begin(read_format(event))
        elif AudioChunk.is_type(kind):
            given = read_format(event)
            if self._listening is None:
                await self._begin(given)
            assert self._listening is not None
            await self._listening.hear(event.payload or b"", given)
        elif AudioStop.is_type(kind):
            await self._end()

    async def _begin(self, given: AudioFormat) -> None:
        pcm = PcmInput(rate=given.rate, channels=given.channels)
        stream = await self._context.live.open(
            LiveOptions(
                request_id=self._request_id,
                model=self._wish.model,
                language=self._wish.language,
                decoding=self._wish.decoding,
                # The client says when it is over, so the whole command is one utterance.
                endpointing=Endpointing(silence_seconds=None),
            )
        )
        self._listening = _Listening(
            stream, pcm, given, self, most_seconds=self._context.message_seconds
        )
        await self.write_event(TranscriptStart(language=stream.language).event())

    async def _end(self) -> None:
        if self._listening is None:
            raise InvalidRequestError("audio-stop came before any audio.", param="audio-stop")
        text = await self._listening.finish()
        language = self._listening.language
        await self.write_event(Transcript(text=text, language=language).event())
        await self.write_event(TranscriptStop().event())
        _log.info(
            "transcribed", request_id=self._request_id, seconds=round(self._listening.seconds, 3)
        )
        await self.disconnect()
        self._wish = Wish()


class _Listening:
    """One stream, whose words are told as soon as they are never taken back."""

    def __init__(
        self,
        stream: LiveStream,
        pcm: PcmInput,
        given: AudioFormat,
        client: Conversation,
        *,
        most_seconds: float,
    ) -> None:
        self._stream = stream
        self._pcm = pcm
        self._given = (given.rate, given.width, given.channels)
        self._client = client
        self._most_seconds = most_seconds
        self._said: list[str] = []
        # Words of the utterance under way that were told.
        self._told = 0
        self.relay = asyncio.create_task(self._tell(), name="wyoming-events")

    @property
    def language(self) -> str:
        return self._stream.language

    @property
    def seconds(self) -> float:
        return self._stream.received_seconds

    async def hear(self, audio: bytes, given: AudioFormat) -> None:
        if (given.rate, given.width, given.channels) != self._given:
            raise InvalidRequestError(
                f"The audio is {given} now; accepted: one format from audio-start to audio-stop.",
                param="rate",
            )
        if self.relay.done():
            await self.relay
        async for samples in decoded(self._pcm, audio, most_seconds=self._most_seconds):
            await self._stream.push(samples)

    async def finish(self) -> str:
        """All that was said, which the chunks told so far spell too."""
        await self._stream.push(self._pcm.flush())
        await self._stream.finish()
        await self.relay
        return "".join(self._said)

    async def close(self) -> None:
        self.relay.cancel()
        await asyncio.gather(self.relay, return_exceptions=True)
        await self._stream.close()

    async def _tell(self) -> None:
        async for event in self._stream.events():
            match event:
                case PartialResult():
                    await self._tell_words(tuple(word for word in event.words if word.stable))
                case FinalResult():
                    await self._tell_words(event.words)
                    self._told = 0

    async def _tell_words(self, words: tuple[LiveWord, ...]) -> None:
        fresh = words[self._told :]
        self._told += len(fresh)
        if fresh:
            text = " ".join(word.text for word in fresh)
            chunk = f" {text}" if self._said else text
            self._said.append(chunk)
            await self._client.write_event(TranscriptChunk(text=chunk).event())
