"""The WebSocket protocol of vosk-server: PCM and JSON in, one partial or final result each out.

https://github.com/alphacep/vosk-server, `websocket/asr_server.py`.
"""

import asyncio
import json
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
    StreamIdleError,
    UnavailableError,
    UnknownModelError,
)
from app.protocols.recogniser import Recogniser
from app.protocols.serving import STOP_SECONDS, Backing, Port, explain
from app.protocols.vosk_messages import VoskConfig, config_of_path, final, partial, read_text
from app.streaming import FinalResult, LiveOptions, PcmInput

# A close frame holds no more.
_MAX_REASON_BYTES = 123

_T = TypeVar("_T")
_log = structlog.get_logger("nordlyd.vosk")


class VoskServer:
    """Serves vosk's clients.

    Args:
        port: where.
        backing: what serves them.
    """

    def __init__(self, port: Port, backing: Backing) -> None:
        self._port = port
        self._backing = backing
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """Where clients on this machine find it."""
        return self._port.address

    async def start(self) -> None:
        """Accept connections."""
        # Compressing PCM costs more than it saves.
        self._server = await serve(
            self._converse, sock=self._port.listener, compression=None, server_header=None
        )

    async def stop(self) -> None:
        """Accept no more connections, and end those there are with code 1001."""
        if self._server is None:
            self._port.listener.close()
            return
        self._server.close(reason="The service is stopping.")
        try:
            await asyncio.wait_for(self._server.wait_closed(), STOP_SECONDS)
        except TimeoutError:
            _log.warning("connections are still open", address=self.address)

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it or the client's audio ends."""
        request_id = uuid.uuid4().hex
        session = VoskSession(self._backing, request_id)
        gone = asyncio.ensure_future(connection.wait_closed())
        try:
            assert connection.request is not None
            session.choose(connection.request.path)
            while True:
                message = await _next_message(connection, session)
                if isinstance(message, str):
                    reply, last = await _unless(gone, session.read(message))
                else:
                    reply, last = await _unless(gone, session.hear(message)), False
                if reply is not None:
                    await connection.send(reply)
                session.check()
                if last:
                    break
        except ConnectionClosed:
            _log.debug("client hung up", request_id=request_id)
        except Exception as error:
            await _refuse(connection, explain(error, self._backing.telemetry, request_id))
        finally:
            gone.cancel()
            await session.close()
            _log.info("connection ended", request_id=request_id, seconds=round(session.seconds, 3))


class VoskSession:
    """One connection's settings, and its stream once audio came.

    Args:
        backing: what serves it.
        request_id: for the logs.

    Attributes:
        config: for the next stream; whether words are listed holds at once.
    """

    def __init__(self, backing: Backing, request_id: str) -> None:
        self.config = VoskConfig()
        self._backing = backing
        self._request_id = request_id
        self._recogniser: Recogniser | None = None
        self._max_alternatives = 0
        # Not told yet.
        self._finals: deque[FinalResult] = deque()
        self._failure: NordlydError | None = None
        # Audio of streams that ended; times go on from there.
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """Audio heard so far."""
        return self._before + (self._recogniser.seconds if self._recogniser else 0.0)

    @property
    def ended(self) -> asyncio.Task[None] | None:
        """Done once the stream ended by itself; None where there is no stream."""
        return self._recogniser.ended if self._recogniser else None

    def choose(self, path: str) -> None:
        """Take what the address says.

        Raises:
            NordlydError: it is not understood, or no loaded model is meant.
        """
        config = config_of_path(path)
        self._backing.service.transcriber.route(config.model, config.language)
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
            NordlydError: the stream is refused or failed, and all it heard before was told.
        """
        recogniser = self._recogniser or await self._open()
        try:
            await recogniser.hear(data)
        except StreamIdleError:
            await asyncio.wait({recogniser.ended})
            # A muted microphone; vosk's own server has all the time in the world.
            await self.close()
            recogniser = await self._open()
            await recogniser.hear(data)
        except NordlydError:
            await asyncio.wait({recogniser.ended})
            if not self._finals:
                raise
        if self._finals:
            return self._final((self._finals.popleft(),))
        return partial(recogniser.partial)

    async def lapse(self) -> str | None:
        """Let go of a stream that ended by itself.

        Returns:
            Its last words, where nobody will ask for them any more.

        Raises:
            NordlydError: why it ended; not where it only heard nothing for long.
        """
        if self._recogniser is not None and self._recogniser.idle:
            await self.close()
            return None
        return await self._end()

    def check(self) -> None:
        """Do nothing unless the last reply was not all that was said.

        Raises:
            NordlydError: why.
        """
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Drop the stream, if there is one."""
        recogniser, self._recogniser = self._recogniser, None
        if recogniser is not None:
            self._before += recogniser.seconds
            await recogniser.close()

    async def _open(self) -> Recogniser:
        config = self.config
        pcm = PcmInput(rate=config.sample_rate)
        stream = await self._backing.live.open(
            LiveOptions(
                request_id=self._request_id,
                model=config.model,
                language=config.language,
                decoding=config.decoding(),
            )
        )
        self._max_alternatives = config.max_alternatives
        self._recogniser = Recogniser(stream, pcm, self._finals, self._before)
        return self._recogniser

    async def _end(self) -> str:
        """Everything not yet told, as one final result."""
        if self._recogniser is None:
            self._max_alternatives = self.config.max_alternatives
        else:
            try:
                await self._recogniser.finish()
            except NordlydError as error:
                await asyncio.wait({self._recogniser.ended})
                if not isinstance(error, StreamIdleError):
                    if not self._finals:
                        raise
                    self._failure = error
            await self.close()
        finals = tuple(self._finals)
        self._finals.clear()
        return self._final(finals)

    def _final(self, results: tuple[FinalResult, ...]) -> str:
        return final(results, words=self.config.words, max_alternatives=self._max_alternatives)

    def _checked(self, config: VoskConfig) -> VoskConfig:
        route = self._backing.service.transcriber.route
        try:
            route(config.model, config.language, config.decoding())
        except UnknownModelError as error:
            if error.param != "model":
                raise
            # The path of a model on somebody's vosk-server.
            config = replace(config, model=self.config.model)
            route(config.model, config.language, config.decoding())
        return config


async def _next_message(connection: ServerConnection, session: VoskSession) -> str | bytes:
    """Wait for a message; a stream that ends meanwhile is told of at once."""
    receiving = asyncio.ensure_future(connection.recv())
    try:
        while (ended := session.ended) is not None:
            waiting: set[asyncio.Future[Any]] = {receiving, ended}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                break
            last_words = await session.lapse()
            if last_words is not None:
                await connection.send(last_words)
            session.check()
        return await receiving
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)


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
