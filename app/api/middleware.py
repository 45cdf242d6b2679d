"""ASGI middleware around every route: lingering close, logging and metrics, the upload limit.

`application.py` has the order.
"""

import asyncio
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import tracing
from app.api.auth import owner_of
from app.api.errors import error_response, internal_error
from app.api.paths import route_path
from app.api.server_spans import end_server_span, server_span
from app.api.websocket_logging import begin, known_route_of, observe_socket, route_of
from app.audit import requested_from
from app.errors import DeadlineExceededError, TooLargeError, UnavailableError
from app.telemetry import Telemetry

_QUIET_ROUTES = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
_CLIENT_CLOSED = 499
# Bytes of a body that is discarded after its response without closing the connection: a client
# sends as much without waiting, and a new connection would cost the service more.
_SHORT_BODY = 1 << 20
# For the rest of a body after its request was refused, once the service stops.
_STOPPING_SECONDS = 0.5

_log = structlog.get_logger("nordlyd.access")


class LingeringClose:
    """Closes the connection after a response that was sent before the whole body was read.

    A socket that is closed with unread bytes sends a reset, and the client loses the response. So
    the response is sent first, then the rest of the body is discarded for a while (as nginx does
    with `lingering_close`), and only then the connection is closed. The rest of a short body is
    discarded by the HTTP parser, and the connection stays open.

    Args:
        app: the next application.
        cut_off: set when a stopping service no longer waits for requests.
        seconds: for how long the rest is discarded at most.
    """

    def __init__(self, app: ASGIApp, *, cut_off: asyncio.Event, seconds: float = 10.0) -> None:
        self.app = app
        self.cut_off = cut_off
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http" or not _has_long_body(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        body_done = False
        closing = False

        async def watched_receive() -> Message:
            nonlocal body_done
            message = await receive()
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                body_done = True
            return message

        async def receive_rest() -> None:
            while not body_done:
                await watched_receive()

        async def discard_rest() -> None:
            rest = asyncio.ensure_future(receive_rest())
            stopped = asyncio.ensure_future(self.cut_off.wait())
            try:
                await asyncio.wait(
                    {rest, stopped},
                    timeout=self.seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if stopped.done():
                    await asyncio.wait({rest}, timeout=_STOPPING_SECONDS)
            finally:
                for future in (rest, stopped):
                    future.cancel()
                await asyncio.gather(rest, stopped, return_exceptions=True)

        async def lingering_send(message: Message) -> None:
            nonlocal closing
            if message["type"] == "http.response.start" and not body_done:
                closing = True
                MutableHeaders(scope=message)["connection"] = "close"
            if not closing or message["type"] != "http.response.body" or message.get("more_body"):
                await send(message)
                return
            await send({**message, "more_body": True})
            await discard_rest()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app(scope, watched_receive, lingering_send)


class Observability:
    """Gives each request its id, one log line, a count in the metrics, and a span.

    The id is the client's `x-request-id` where that is well-formed, and a new one otherwise; it is
    in `scope["state"]["request_id"]`, in every log line, and in the response's headers. An
    unexpected exception becomes a 500, with its traceback in the log only.

    Args:
        app: the next application.
        telemetry: counts requests.
    """

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self.app = app
        self.telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "websocket":
            await observe_socket(self.app, scope, receive, send, telemetry=self.telemetry)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = begin(scope)
        status = 0
        seconds: float | None = None

        async def observed_send(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            elif not message.get("more_body", False):
                seconds = time.perf_counter() - started
            await send(message)

        client = scope.get("client")
        # Probes and scrapes would hide everything else.
        is_quiet = route_path(scope) in _QUIET_ROUTES
        with (
            tracing.OFF if is_quiet else server_span(scope) as span,
            structlog.contextvars.bound_contextvars(request_id=request_id, **span.log_fields),
            requested_from(client[0] if client else None),
        ):
            try:
                await self.app(scope, receive, observed_send)
            except Exception:
                if status:
                    raise
                _log.exception("request failed", path=scope["path"])
                response = error_response(internal_error(request_id), scope)
                await response(scope, receive, observed_send)
            finally:
                if seconds is None:
                    seconds = time.perf_counter() - started
                end_server_span(span, scope, known_route_of(scope), status or None)
                self._record(scope, status or _CLIENT_CLOSED, seconds)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_of(scope)
        self.telemetry.requests.labels(route, str(status)).inc()
        self.telemetry.request_seconds.labels(route).observe(seconds)
        code = scope["state"].get("error_code")
        if code is not None and route not in _QUIET_ROUTES:
            self.telemetry.failures.labels(code).inc()
        client = scope.get("client")
        write = _log.debug if route in _QUIET_ROUTES else _log.info
        write(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            seconds=round(seconds, 4),
            client=client[0] if client else None,
            key=owner_of(HTTPConnection(scope)) or None,
            code=code,
        )


class UploadLimit:
    """Refuses bodies over the limit: by their declared length at once, otherwise as they arrive.

    A body that is incomplete when the request's deadline passes, or when a stopping service no
    longer waits for requests, is refused too. The error is raised where the route reads the body,
    so that it is handled like every other error of that route.

    Args:
        app: the next application.
        limit: in bytes.
        cut_off: set when a stopping service no longer waits for requests.
    """

    def __init__(self, app: ASGIApp, *, limit: int, cut_off: asyncio.Event) -> None:
        self.app = app
        self.limit = limit
        self.cut_off = cut_off

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        too_long = declared.isdigit() and int(declared) > self.limit
        received = 0
        done = False

        async def limited_receive() -> Message:
            nonlocal received, done
            if too_long:
                raise self._refusal(f"of {int(declared) / 2**20:.1f} MiB ")
            if done:
                # After the body only the disconnect is of interest.
                return await receive()
            message = await self._in_time(receive, scope)
            done = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self.limit:
                raise self._refusal("")
            return message

        await self.app(scope, limited_receive, send)

    async def _in_time(self, receive: Receive, scope: Scope) -> Message:
        deadline: float | None = scope.get("state", {}).get("deadline")
        message = asyncio.ensure_future(receive())
        stopped = asyncio.ensure_future(self.cut_off.wait())
        try:
            await asyncio.wait(
                {message, stopped},
                timeout=None if deadline is None else max(0.0, deadline - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if message.done():
                return await message
            if stopped.done():
                raise UnavailableError(
                    "The service stopped before this request was received.", code="draining"
                )
            raise DeadlineExceededError(
                "The request's deadline passed while its body was on its way."
            )
        finally:
            for future in (message, stopped):
                future.cancel()
            await asyncio.gather(message, stopped, return_exceptions=True)

    def _refusal(self, size: str) -> TooLargeError:
        return TooLargeError(
            f"The upload {size}is over the limit of {self.limit / 2**20:g} MiB "
            "(NORDLYD_MAX_UPLOAD_MB)."
        )


def _has_long_body(headers: Headers) -> bool:
    """Returns whether a response before the end of the body must close the connection."""
    if "transfer-encoding" in headers:
        return True
    declared = headers.get("content-length", "0")
    # A client that waits for 100 (Continue) sends no body after a response.
    return declared != "0" and (
        "expect" in headers or not declared.isdigit() or int(declared) > _SHORT_BODY
    )
