"""The WebSocket protocol of vosk-server: PCM and JSON in, one partial or final result each out.

https://github.com/alphacep/vosk-server, `websocket/asr_server.py`.
"""

import asyncio
import json
import uuid
from collections.abc import Coroutine, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from app.api.auth import ApiKeys, authorization
from app.api.errors import error_detail
from app.api.sockets import SUBPROTOCOL
from app.errors import (
    InvalidRequestError,
    NordlydError,
    OverloadedError,
    UnavailableError,
)
from app.protocols.places import counted_websocket
from app.protocols.serving import STOP_SECONDS, Port, ProtocolContext, explain
from app.protocols.vosk_messages import key_of_path
from app.protocols.vosk_session import VoskSession

# A close frame holds no more.
_MAX_REASON_BYTES = 123

_T = TypeVar("_T")
_log = structlog.get_logger("nordlyd.vosk")


class VoskServer:
    """Serves vosk's clients.

    Args:
        port: where.
        context: what serves them.
    """

    def __init__(self, port: Port, context: ProtocolContext) -> None:
        self._port = port
        self._context = context
        self._keys = ApiKeys(context.keys)
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """Where clients on this machine find it."""
        return self._port.address

    async def start(self) -> None:
        """Accept connections."""
        self._server = await serve(
            self._converse,
            sock=self._port.listener,
            # Compressing PCM costs more than it saves.
            compression=None,
            server_header=None,
            process_request=self._admit,
            select_subprotocol=_subprotocol,
            create_connection=counted_websocket(self._context.connections),
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

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a handshake from elsewhere, or without a key where keys are set."""
        headers = request.headers
        try:
            if self._context.origins is not None:
                self._context.origins.check(headers.get_all("Host"), headers.get_all("Origin"))
            if self._keys.needed:
                offered = ",".join(headers.get_all("Sec-WebSocket-Protocol")).split(",")
                given = ", ".join(headers.get_all("Authorization")) or key_of_path(request.path)
                self._keys.check(authorization(given, (each.strip() for each in offered)))
        except NordlydError as error:
            self._context.telemetry.failures.labels(error.code).inc()
            _log.info("handshake refused", code=error.code)
            body = json.dumps({"error": error_detail(error).model_dump()}, ensure_ascii=False)
            answer = connection.respond(HTTPStatus(error.status), body)
            del answer.headers["Content-Type"]
            answer.headers["Content-Type"] = "application/json"
            return answer
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it or the client's audio ends."""
        request_id = uuid.uuid4().hex
        session = VoskSession(self._context, request_id)
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
            await _refuse(connection, explain(error, self._context.telemetry, request_id))
        finally:
            gone.cancel()
            await session.close()
            _log.info("connection ended", request_id=request_id, seconds=round(session.seconds, 3))


def _subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Ours, where a page offered it beside its key."""
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None


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
