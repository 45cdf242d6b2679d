"""The WebSocket protocol of vosk-server: one partial or final result for each message of audio.

https://github.com/alphacep/vosk-server, `websocket/asr_server.py`.
"""

import asyncio
import json
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from http import HTTPStatus

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from app.api.auth import (
    KEY_PREFIX,
    REFUSED_LATER,
    authenticate,
    authorization,
    caller_of_address,
    caller_of_key,
)
from app.api.errors import error_detail
from app.api.sockets import POLICY, SUBPROTOCOL, close_code
from app.errors import ClientDisconnectedError, NordlydError
from app.protocols.places import CountedWebSocket, counted_websocket
from app.protocols.serving import STOP_SECONDS, Port, ProtocolContext, report_failure
from app.protocols.vosk_messages import key_of_path
from app.protocols.vosk_session import VoskSession
from app.streaming import MessageReader

# RFC 6455, section 5.5: a control frame has at most 125 bytes, two of them for the code.
_MAX_REASON_BYTES = 123

_log = structlog.get_logger("nordlyd.vosk")


class VoskServer:
    """Serves vosk's clients.

    Args:
        port: to accept connections on.
        context: the service.
    """

    def __init__(self, port: Port, context: ProtocolContext) -> None:
        self._port = port
        self._context = context
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """Its address for clients on this machine."""
        return self._port.address

    async def start(self) -> None:
        """Accepts connections."""
        self._server = await serve(
            self._serve,
            sock=self._port.listener,
            # Compressing PCM costs more than it saves.
            compression=None,
            server_header=None,
            process_request=self._admit,
            select_subprotocol=_subprotocol,
            create_connection=counted_websocket(self._context.connections),
        )

    async def stop(self) -> None:
        """Accepts no more connections, and ends those there are with code 1001."""
        if self._server is None:
            self._port.listener.close()
            return
        self._server.close(reason="The service is stopping.")
        try:
            await asyncio.wait_for(self._server.wait_closed(), STOP_SECONDS)
        except TimeoutError:
            _log.warning("connections are still open", address=self.address)

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuses a handshake from elsewhere, or without a key where one is needed."""
        headers = request.headers
        try:
            if self._context.origins is not None:
                self._context.origins.check(headers.get_all("Host"), headers.get_all("Origin"))
            assert isinstance(connection, CountedWebSocket)
            connection.key = await authenticate(
                self._context.keys, _authorization(request), "transcribe"
            )
        except NordlydError as error:
            self._context.telemetry.failures.labels(error.code).inc()
            _log.info("handshake refused", code=error.code)
            body = json.dumps({"error": error_detail(error).model_dump()}, ensure_ascii=False)
            answer = connection.respond(HTTPStatus(error.status), body)
            del answer.headers["Content-Type"]
            answer.headers["Content-Type"] = "application/json"
            return answer
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        """Serves one connection until it or the client's audio ends."""
        assert connection.request is not None
        request_id = uuid.uuid4().hex
        caller = _caller(connection)
        session = VoskSession(self._context, request_id, caller)
        reader = MessageReader(
            connection.recv,
            idle_seconds=self._context.idle_seconds,
            gone=asyncio.ensure_future(connection.wait_closed()),
        )
        watch = asyncio.ensure_future(self._close_when_refused(connection))
        quota = ExitStack()
        try:
            quota.enter_context(self._context.quotas.admit(caller.removeprefix(KEY_PREFIX)))
            session.configure(connection.request.path)
            last = False
            while not last:
                message = await _next_message(connection, reader, session)
                if isinstance(message, str):
                    reply, last = await reader.run(session.process_text(message))
                else:
                    reply = await reader.run(session.accept_waveform(message))
                if reply is not None:
                    await connection.send(reply)
                session.raise_failure()
        except (ConnectionClosed, ClientDisconnectedError):
            _log.debug("client disconnected", request_id=request_id)
        except Exception as error:
            await _refuse(connection, report_failure(error, self._context.telemetry, request_id))
        finally:
            quota.close()
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await reader.close()
            await session.close()
            _log.info("connection ended", request_id=request_id, seconds=round(session.seconds, 3))

    async def _close_when_refused(self, connection: ServerConnection) -> None:
        """Closes a connection once its key is accepted no more."""
        assert isinstance(connection, CountedWebSocket)
        if connection.key is not None:
            await self._context.keys.wait_until_refused(connection.key)
            await connection.close(POLICY, REFUSED_LATER)


def _caller(connection: ServerConnection) -> str:
    """Returns who sends the audio: by its key, or by its address where no key is needed."""
    if isinstance(connection, CountedWebSocket) and connection.key is not None:
        return caller_of_key(connection.key)
    address = connection.remote_address
    return caller_of_address(address[0]) if address else ""


def _authorization(request: Request) -> str:
    """Returns the key of a handshake as a value of `Authorization`; may be empty."""
    headers = request.headers
    offered = ",".join(headers.get_all("Sec-WebSocket-Protocol")).split(",")
    given = ", ".join(headers.get_all("Authorization")) or key_of_path(request.path)
    return authorization(given, (each.strip() for each in offered))


def _subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Chooses the subprotocol of /stream where a page offers it with its key."""
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None


async def _next_message(
    connection: ServerConnection, reader: MessageReader[str | bytes], session: VoskSession
) -> str | bytes:
    """Waits for a message; a stream that ends meanwhile is reported at once."""
    while True:
        try:
            return await reader.next(session.ended)
        except NordlydError:
            if session.ended is None:
                raise  # The client is idle.
        last_words = await session.drop_ended()
        if last_words is not None:
            await connection.send(last_words)
        session.raise_failure()


async def _refuse(connection: ServerConnection, error: NordlydError) -> None:
    """Sends an error, in a message and in the close frame, and closes."""
    reason = error.message.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
    body = {"error": error_detail(error).model_dump()}
    try:
        await connection.send(json.dumps(body, ensure_ascii=False))
        await connection.close(close_code(error), reason)
    except ConnectionClosed:
        _log.debug("client disconnected before the error was sent", reason=error.message)
