"""Gives every WebSocket a request id, a line in the access log, a count in the metrics, and a span.

`Observability` does the same for HTTP requests.
"""

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from app.api.auth import owner_of
from app.api.errors import error_response, internal_error
from app.api.server_spans import end_server_span, server_span
from app.api.sockets import ABNORMAL, INTERNAL
from app.telemetry import Telemetry

_USABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_UNROUTED = "unmatched"
_SWITCHED, _FORBIDDEN = 101, 403

_log = structlog.get_logger("nordlyd.access")


def begin(scope: Scope) -> str:
    """Notes a scope's id and start; the id is the client's `x-request-id` where that is usable."""
    given = Headers(scope=scope).get("x-request-id", "")
    request_id = given if _USABLE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    state = scope.setdefault("state", {})
    state["request_id"] = request_id
    state["started"] = time.monotonic()
    return request_id


def known_route_of(scope: Scope) -> str | None:
    """Returns the path of the route that served a scope, as it was declared; None without one."""
    noted = scope.get("state", {}).get("route_path")
    path: str | None = getattr(scope.get("route"), "path", noted)
    return path


def route_of(scope: Scope) -> str:
    """Returns the path of the route that served a scope as metrics have it."""
    return known_route_of(scope) or _UNROUTED


def note_route(scope: Scope, path: str) -> None:
    """Notes the path of a route whose request was answered before it was routed."""
    scope.setdefault("state", {})["route_path"] = path


async def observe_socket(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, telemetry: Telemetry
) -> None:
    """Serves one WebSocket; counts and logs it when it has ended.

    An unexpected error closes it with code 1011, or is a 500 before it is accepted.
    """
    started = time.perf_counter()
    request_id = begin(scope)
    state = scope["state"]
    status = 0
    closed: int | None = None

    async def observed_receive() -> Message:
        nonlocal closed
        message = await receive()
        if message["type"] == "websocket.disconnect" and closed is None:
            closed = message.get("code")
        return message

    async def observed_send(message: Message) -> None:
        nonlocal status, closed
        match message["type"]:
            case "websocket.accept":
                status = _SWITCHED
            case "websocket.http.response.start":
                status = message["status"]
            case "websocket.close":
                status = status or _FORBIDDEN
                closed = message.get("code")
        if message["type"] in {"websocket.accept", "websocket.http.response.start"}:
            message.setdefault("headers", [])
            MutableHeaders(scope=message)["x-request-id"] = request_id
        try:
            await send(message)
        except OSError:
            # The client is gone. Whatever is sent or raised after that is no failure of the stream.
            closed = ABNORMAL if closed is None else closed
            raise

    with (
        server_span(scope) as span,
        structlog.contextvars.bound_contextvars(request_id=request_id, **span.log_fields),
    ):
        try:
            await app(scope, observed_receive, observed_send)
        except WebSocketDisconnect as gone:
            # Found while sending; a client may leave at any time.
            closed = gone.code if closed is None else closed
        except Exception:
            if closed is None:
                _log.exception("stream failed", path=scope["path"])
                error = internal_error(request_id)
                state["error_code"] = error.code
                if status:
                    await observed_send({"type": "websocket.close", "code": INTERNAL})
                else:
                    await error_response(error, scope)(scope, observed_receive, observed_send)
        finally:
            _record(scope, status, closed, time.perf_counter() - started, telemetry)
            end_server_span(span, scope, known_route_of(scope), status or None)


def _record(
    scope: Scope, status: int, closed: int | None, seconds: float, telemetry: Telemetry
) -> None:
    """Counts a WebSocket that has ended, and writes its line of the access log."""
    code = scope["state"].get("error_code")
    if code is not None:
        telemetry.failures.labels(code).inc()
    telemetry.requests.labels(route_of(scope), str(status)).inc()
    client = scope.get("client")
    _log.info(
        "stream",
        path=scope["path"],
        status=status,
        closed=closed,
        seconds=round(seconds, 4),
        client=client[0] if client else None,
        key=owner_of(HTTPConnection(scope)) or None,
        code=code,
    )
