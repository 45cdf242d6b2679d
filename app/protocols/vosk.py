"""The WebSocket protocol of vosk-server: PCM and JSON in, one partial or final result each out.

https://github.com/alphacep/vosk-server, `websocket/asr_server.py`.
"""

import asyncio
import json
import socket
import uuid
from collections import deque
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from app.api.errors import error_detail
from app.errors import (
    InvalidRequestError,
    NordlydError,
    OverloadedError,
    UnavailableError,
    UnknownModelError,
)
from app.protocols.serving import STOP_SECONDS, explain
from app.protocols.vosk_messages import VoskConfig, config_of_path, final, partial, read_text
from app.service import Service
from app.streaming import (
    FinalResult,
    LiveOptions,
    LiveStream,
    LiveStreams,
    PartialResult,
    PcmInput,
)
from app.telemetry import Telemetry

# A close frame holds no more.
_MAX_REASON_BYTES = 123

_T = TypeVar("_T")
_log = structlog.get_logger("nordlyd.vosk")


class VoskServer:
    """Serves vosk's clients.

    Args:
        listener: bound, and listening or not; it is closed at the stop.
        address: where clients on this machine find it.
        service: its models.
        live: the streaming engine.
        telemetry: where failures are counted.
    """

    def __init__(
        self,
        listener: socket.socket,
        address: str,
        service: Service,
        live: LiveStreams,
        telemetry: Telemetry,
    ) -> None:
        self._listener = listener
        self._address = address
        self._service = service
        self._live = live
        self._telemetry = telemetry
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """Where clients on this machine find it."""
        return self._address

    async def start(self) -> None:
        """Accept connections."""
        # Compressing PCM costs more than it saves.
        self._server = await serve(
            self._converse, sock=self._listener, compression=None, server_header=None
        )

    async def stop(self) -> None:
        """Accept no more connections, and end those there are with code 1001."""
        if self._server is None:
            self._listener.close()
            return
        self._server.close(reason="The service is stopping.")
        try:
            await asyncio.wait_for(self._server.wait_closed(), STOP_SECONDS)
        except TimeoutError:
            _log.warning("connections are still open", address=self._address)

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it or the client's audio ends."""
        request_id = uuid.uuid4().hex
        session = VoskSession(self._service, self._live, request_id)
        gone = asyncio.ensure_future(connection.wait_closed())
        try:
            assert connection.request is not None
            session.choose(connection.request.path)
            async for message in connection:
                if isinstance(message, str):
                    reply, last = await _unless(gone, session.read(message))
                else:
                    reply, last = await _unless(gone, session.hear(message)), False
                if reply is not None:
                    await connection.send(reply)
                if last:
                    break
        except ConnectionClosed:
            _log.debug("client hung up", request_id=request_id)
        except Exception as error:
            await _refuse(connection, explain(error, self._telemetry, request_id))
        finally:
            gone.cancel()
            await session.close()
            _log.info("connection ended", request_id=request_id, seconds=round(session.seconds, 3))


class VoskSession:
    """One connection's settings, and its stream once audio came.

    Args:
        service: its models.
        live: the streaming engine.
        request_id: for the logs.

    Attributes:
        config: for the next stream; whether words are listed holds at once.
    """

    def __init__(self, service: Service, live: LiveStreams, request_id: str) -> None:
        self.config = VoskConfig()
        self._service = service
        self._live = live
        self._request_id = request_id
        self._recogniser: Recogniser | None = None
        # Audio of streams that were reset: times go on from there.
        self._offset = 0.0

    @property
    def seconds(self) -> float:
        """Audio heard so far."""
        return self._offset + (self._recogniser.seconds if self._recogniser else 0.0)

    def choose(self, path: str) -> None:
        """Take what the address says.

        Raises:
            NordlydError: it is not understood, or no loaded model is meant.
        """
        config = config_of_path(path)
        self._service.transcriber.route(config.model, config.language)
        self.config = config

    async def read(self, text: str) -> tuple[str | None, bool]:
        """Take a text message: the reply to it, if it gets one, and whether it is the last.

        Raises:
            NordlydError: it is not understood, or what it asks for is not served.
        """
        told = read_text(text, self.config)
        if isinstance(told, VoskConfig):
            self.config = self._checked(told)
            return None, False
        return await self._end(), told == "eof"

    async def hear(self, data: bytes) -> str:
        """Take audio and reply with the oldest final result not yet told, or the partial one.

        Raises:
            NordlydError: the stream is refused or failed.
        """
        if self._recogniser is None:
            self._recogniser = await self._open()
        result = await self._recogniser.accept(data)
        return partial(result) if isinstance(result, str) else self._final((result,))

    async def close(self) -> None:
        """Drop the stream, if there is one."""
        recogniser, self._recogniser = self._recogniser, None
        if recogniser is not None:
            self._offset += recogniser.seconds
            await recogniser.close()

    async def _open(self) -> "Recogniser":
        config = self.config
        pcm = PcmInput(rate=config.sample_rate)
        stream = await self._live.open(
            LiveOptions(
                request_id=self._request_id,
                model=config.model,
                language=config.language,
                decoding=config.decoding(),
            )
        )
        return Recogniser(stream, pcm, config.max_alternatives)

    async def _end(self) -> str:
        """Everything not yet told, as one final result."""
        if self._recogniser is None:
            return self._final(())
        reply = self._final(await self._recogniser.finish())
        await self.close()
        return reply

    def _final(self, results: tuple[FinalResult, ...]) -> str:
        asked = self._recogniser.max_alternatives if self._recogniser else None
        return final(
            results,
            words=self.config.words,
            max_alternatives=self.config.max_alternatives if asked is None else asked,
            offset=self._offset,
        )

    def _checked(self, config: VoskConfig) -> VoskConfig:
        route = self._service.transcriber.route
        try:
            route(config.model, config.language, config.decoding())
        except UnknownModelError as error:
            if error.param != "model":
                raise
            # The path of a model on somebody's vosk-server.
            config = replace(config, model=self.config.model)
            route(config.model, config.language, config.decoding())
        return config


class Recogniser:
    """One live stream, asked as vosk's own recogniser is: audio in, the latest result out.

    Args:
        stream: just opened.
        pcm: reads the client's samples.
        max_alternatives: how many readings were asked for.
    """

    def __init__(self, stream: LiveStream, pcm: PcmInput, max_alternatives: int) -> None:
        self.max_alternatives = max_alternatives
        self._stream = stream
        self._pcm = pcm
        self._partial = ""
        self._finals: deque[FinalResult] = deque()
        self._reader = asyncio.create_task(self._read(), name="vosk-events")

    @property
    def seconds(self) -> float:
        """Audio taken so far."""
        return self._stream.received_seconds

    async def accept(self, data: bytes) -> FinalResult | str:
        """Take audio; waits only while the machine is behind.

        Returns:
            The oldest final result not yet told, or the text of the newest partial one.

        Raises:
            NordlydError: the stream failed.
        """
        if self._reader.done():
            await self._reader
        await self._stream.push(self._pcm.feed(data))
        return self._finals.popleft() if self._finals else self._partial

    async def finish(self) -> tuple[FinalResult, ...]:
        """Take no more audio; returns all final results not yet told.

        Raises:
            NordlydError: the stream failed.
        """
        await self._stream.push(self._pcm.flush())
        await self._stream.finish()
        await self._reader
        return tuple(self._finals)

    async def close(self) -> None:
        """Drop the stream."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._stream.close()

    async def _read(self) -> None:
        async for event in self._stream.events():
            match event:
                case PartialResult():
                    self._partial = event.text
                case FinalResult():
                    self._partial = ""
                    if event.words:
                        self._finals.append(event)


async def _unless(gone: asyncio.Future[None], work: Coroutine[Any, Any, _T]) -> _T:
    """Do work for a client, as long as it is there."""
    task = asyncio.ensure_future(work)
    try:
        waiting: set[asyncio.Future[Any]] = {task, gone}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ConnectionClosed(None, None)
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _refuse(connection: ServerConnection, error: NordlydError) -> None:
    """Say what is wrong, in a message and in the close frame, and close."""
    if isinstance(error, OverloadedError | UnavailableError):
        code = CloseCode.TRY_AGAIN_LATER
    elif isinstance(error, InvalidRequestError):
        code = CloseCode.POLICY_VIOLATION
    else:
        code = CloseCode.INTERNAL_ERROR
    reason = error.message.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
    body = {"error": error_detail(error).model_dump()}
    try:
        await connection.send(json.dumps(body, ensure_ascii=False))
        await connection.close(code, reason)
    except ConnectionClosed:
        _log.debug("client hung up before it was told", reason=error.message)
