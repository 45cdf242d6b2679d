"""A client that leaves while its stream fails is no failure of the service."""

from contextlib import suppress

from event_loops import on_event_loop
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from structlog.testing import capture_logs

from app.api.websocket_logging import observe_socket
from app.telemetry import Telemetry


async def _connect() -> Message:
    return {"type": "websocket.connect"}


async def _send_to_none(message: Message) -> None:
    if message["type"] == "websocket.send":
        raise OSError("the peer is gone")


def _scope() -> Scope:
    return {"type": "websocket", "path": "/stream", "headers": [], "subprotocols": []}


@on_event_loop
async def test_errors_after_the_client_is_gone_are_not_logged() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        with suppress(WebSocketDisconnect):
            await socket.send_text("an event")
        await socket.send_text("an error that was found meanwhile")

    with capture_logs() as entries:
        await observe_socket(app, _scope(), _connect, _send_to_none, telemetry=Telemetry())
    assert [(entry["event"], entry["closed"]) for entry in entries] == [("stream", 1006)]


@on_event_loop
async def test_unexpected_errors_while_the_client_is_there_are_logged() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocket(scope, receive, send).accept()
        raise RuntimeError("a mistake of ours")

    sent: list[Message] = []

    async def keep(message: Message) -> None:
        sent.append(message)

    with capture_logs() as entries:
        await observe_socket(app, _scope(), _connect, keep, telemetry=Telemetry())
    assert [entry["event"] for entry in entries] == ["stream failed", "stream"]
    assert (sent[-1]["type"], sent[-1]["code"]) == ("websocket.close", 1011)
