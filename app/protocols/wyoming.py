"""Home Assistant's Wyoming protocol over TCP: transcribes the audio between two events.

https://github.com/OHF-Voice/wyoming; the package reads and writes the events.
"""

import asyncio
import uuid
from contextlib import suppress
from functools import partial

import structlog
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioFormat, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler, AsyncServer, HandlerFactory

from app.api.auth import caller_of_address
from app.errors import AuthenticationError, InvalidRequestError
from app.protocols.places import CountedStream
from app.protocols.serving import STOP_SECONDS, Port, ProtocolContext, report_failure
from app.protocols.wyoming_events import (
    LINE_BYTES,
    BoundedReader,
    CommandOptions,
    describe,
    next_event,
    read_format,
    read_options,
)
from app.streaming import (
    Endpointing,
    FinalResult,
    LiveEvent,
    LiveOptions,
    LiveWord,
    MessageReader,
    PartialResult,
    PcmInput,
    StreamConsumer,
)

_log = structlog.get_logger("nordlyd.wyoming")


class WyomingServer(AsyncServer):
    """Serves Wyoming clients.

    Args:
        port: to accept connections on.
        context: the service.
    """

    def __init__(self, port: Port, context: ProtocolContext) -> None:
        super().__init__()
        self._port = port
        self._context = context
        self._factory: HandlerFactory = partial(Conversation, context)
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Its address for clients on this machine."""
        return self._port.address

    async def start(self, handler_factory: HandlerFactory | None = None) -> None:
        """Accepts connections."""
        connected = partial(self._handler_callback, handler_factory or self._factory)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: CountedStream(
                BoundedReader(limit=LINE_BYTES), connected, table=self._context.connections
            ),
            sock=self._port.listener,
        )

    async def run(self, handler_factory: HandlerFactory) -> None:
        """Accepts connections and never returns."""
        await self.start(handler_factory)
        assert self._server is not None
        await self._server.serve_forever()

    async def stop(self) -> None:
        """Accepts no more connections, and ends those there are."""
        if self._server is None:
            self._port.listener.close()
            return
        self._server.close()
        conversations = tuple(self._handlers)
        await super().stop()
        if conversations:
            await asyncio.wait(conversations, timeout=STOP_SECONDS)


class Conversation(AsyncEventHandler):
    """One client's connection, and the stream of the command it is sending.

    Args:
        context: the service.
        reader: from the client.
        writer: to the client.
    """

    def __init__(
        self, context: ProtocolContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._context = context
        self._request_id = uuid.uuid4().hex
        self._options = CommandOptions()
        self._consumer: StreamConsumer | None = None
        self._transcript = _Transcript(self)
        self._format = AudioFormat(0, 0, 0)
        self._events = MessageReader(
            lambda: next_event(self.reader), idle_seconds=context.idle_seconds
        )
        self._refused = False

    async def run(self) -> None:
        """Serves the connection until either side ends it."""
        try:
            while await self._serve_one():
                pass
        except (OSError, EOFError):
            _log.debug("client disconnected", request_id=self._request_id)
        finally:
            await self._events.close()
            await self.disconnect()
            self.writer.close()

    async def handle_event(self, event: Event) -> bool:
        """Processes an event; returns False where it ends the connection.

        Raises:
            NordlydError: it is refused.
        """
        if self._refused:
            return not AudioStop.is_type(event.type)
        await self._process(event)
        return True

    async def stop(self) -> None:
        """Ends the connection, and sends the reason to a client that is sending audio."""
        if self._consumer is not None:
            stopped = Error(text="The service stopped before the audio did.", code="draining")
            with suppress(OSError):
                await self.write_event(stopped.event())
        await super().stop()

    async def write_event(self, event: Event) -> None:
        """Sends an event.

        Raises:
            OSError: the client disconnected.
        """
        try:
            await super().write_event(event)
        except RuntimeError as error:
            # What uvloop raises for a closed connection; asyncio itself raises an OSError.
            if not self.writer.is_closing():
                raise
            raise ConnectionResetError("the client disconnected") from error

    async def disconnect(self) -> None:
        """Drops the stream, if there is one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.close()

    async def _serve_one(self) -> bool:
        """Reads and processes an event; returns False where it ends the connection."""
        sending_audio = self._consumer is not None
        try:
            event = await self._events.next(self._consumer.ended if self._consumer else None)
            if event is None:
                return False
            sending_audio = AudioStart.is_type(event.type) or AudioChunk.is_type(event.type)
            return await self.handle_event(event)
        except (OSError, EOFError):
            raise
        except Exception as error:
            failure = report_failure(error, self._context.telemetry, self._request_id)
        await self.disconnect()
        await self.write_event(Error(text=failure.message, code=failure.code).event())
        # Home Assistant reads nothing until it has sent all audio, and then waits for its
        # transcript until the connection ends.
        self._refused = sending_audio
        return sending_audio

    async def _process(self, event: Event) -> None:
        """Processes an event; unknown ones are ignored, as the protocol demands."""
        kind = event.type
        self._check_open()
        if Describe.is_type(kind):
            self._context.service.check_ready()
            cards = [loaded.card for loaded in self._context.service.transcriber.models]
            await self.write_event(describe(cards).event())
        elif Ping.is_type(kind):
            await self.write_event(Pong(Ping.from_event(event).text).event())
        elif Transcribe.is_type(kind):
            self._options = read_options(event, max_hotwords=self._context.max_hotwords)
        elif AudioStart.is_type(kind):
            await self.disconnect()
            await self._begin(read_format(event))
        elif AudioChunk.is_type(kind):
            await self._accept_waveform(event.payload or b"", read_format(event))
        elif AudioStop.is_type(kind):
            await self._end()

    def _check_open(self) -> None:
        """Refuses clients once a key is needed, since this protocol has no place for one.

        Raises:
            AuthenticationError: a key is needed, and the operator does not exempt this port.
        """
        if self._context.keys.needed and not self._context.allow_anonymous:
            raise AuthenticationError(
                "This service needs an API key, which Wyoming cannot carry: set "
                "NORDLYD_ALLOW_ANONYMOUS=true to serve this port without."
            )

    async def _begin(self, given: AudioFormat) -> StreamConsumer:
        pcm = PcmInput(rate=given.rate, channels=given.channels)
        address = self.writer.get_extra_info("peername")
        stream = await self._context.live.open(
            LiveOptions(
                request_id=self._request_id,
                caller=caller_of_address(address[0]) if address else "",
                model=self._options.model,
                language=self._options.language,
                decoding=self._options.decoding,
                # The client sends where the command ends, so all of it is one utterance.
                endpointing=Endpointing(silence_seconds=None),
            )
        )
        self._format = given
        self._transcript = _Transcript(self)
        self._consumer = StreamConsumer(
            stream, pcm, self._transcript.emit, max_seconds=self._context.message_seconds
        )
        await self.write_event(TranscriptStart(language=stream.language).event())
        return self._consumer

    async def _accept_waveform(self, audio: bytes, given: AudioFormat) -> None:
        consumer = self._consumer or await self._begin(given)
        if given != self._format:
            raise InvalidRequestError(
                f"The audio is {given} now; accepted: one format from audio-start to audio-stop.",
                param="rate",
            )
        if not await consumer.accept_waveform(audio):
            await consumer.wait()

    async def _end(self) -> None:
        consumer = self._consumer
        if consumer is None:
            raise InvalidRequestError("audio-stop came before any audio.", param="audio-stop")
        await consumer.finish()
        await consumer.wait()
        text, language = self._transcript.text, consumer.language
        await self.write_event(Transcript(text=text, language=language).event())
        await self.write_event(TranscriptStop().event())
        _log.info(
            "transcribed",
            request_id=self._request_id,
            seconds=round(consumer.received_seconds, 3),
        )
        await self.disconnect()
        self._options = CommandOptions()


class _Transcript:
    """The text of one command, sent in chunks as its words become stable.

    Args:
        client: gets the chunks.
    """

    def __init__(self, client: Conversation) -> None:
        self._client = client
        self._chunks: list[str] = []
        # Words of the utterance under way that were sent.
        self._sent = 0

    @property
    def text(self) -> str:
        """All text sent so far."""
        return "".join(self._chunks)

    async def emit(self, event: LiveEvent) -> None:
        """Sends the words that became stable."""
        match event:
            case PartialResult():
                await self._send(tuple(word for word in event.words if word.stable))
            case FinalResult():
                await self._send(event.words)
                self._sent = 0

    async def _send(self, words: tuple[LiveWord, ...]) -> None:
        fresh = words[self._sent :]
        self._sent += len(fresh)
        if fresh:
            text = " ".join(word.word for word in fresh)
            chunk = f" {text}" if self._chunks else text
            self._chunks.append(chunk)
            await self._client.write_event(TranscriptChunk(text=chunk).event())
