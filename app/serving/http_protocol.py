"""uvicorn's HTTP protocol with limits: size and time of a head, rate of a body, idle time.

httptools and uvicorn have no such limits: they would accept a head without end, or a body of one
byte a minute, for as long as it lasts.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from app.api.errors import render_error
from app.errors import (
    HeadTooLargeError,
    InvalidRequestError,
    NordlydError,
    RequestTimeoutError,
    UnavailableError,
)
from app.serving.connections import Connections, Place
from app.serving.limits import HttpLimits

_RESERVED_PATHS = ("/health", "/metrics")
_RETRY_SECONDS = 2.0
# Around every header are a colon, a space and a line break.
_HEADER_OVERHEAD_BYTES = 4

_log = structlog.get_logger("nordlyd.server")


class LimitedHttp(HttpToolsProtocol):
    """One HTTP connection.

    Attributes:
        connection_table: where it takes its place.
        limits: what it may take.
    """

    connection_table: Connections
    limits: HttpLimits

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._place = Place.NONE
        self._head_timer = _Timer(self.loop, self._on_head_timeout)
        self._body_timer = _Timer(self.loop, self._check_body_rate)
        self._write_timer = _Timer(self.loop, self._on_write_timeout)
        self._refusal: NordlydError | None = None
        self._head_size = 0
        self._head_done = False
        # Bytes that the parser made no event of, and whether it made one of the newest.
        self._unused = 0
        self._used = False
        self._body_size = 0
        self._was_paused = False
        # Whether a response was sent before all of its request had come.
        self._late_body = False

    @property
    def idle(self) -> bool:
        """Whether no request is being served; one with an incomplete head does not count."""
        return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    def drop(self) -> None:
        """Closes the connection at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes a place, and starts to wait for a request."""
        super().connection_made(transport)
        self._place = self.connection_table.enter(self)
        if self._place is Place.NONE:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Frees the place."""
        self.connection_table.leave(self)
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses data; refuses the connection if too much of it leads to no event."""
        if self.transport.is_closing():
            return
        if self.idle:
            self._await_head()
        self._used = False
        super().data_received(data)
        self._unused = 0 if self._used else self._unused + len(data)
        if self._unused > self.limits.head_bytes and not self.transport.is_closing():
            self._refuse(self._head_too_large())

    def on_message_begin(self) -> None:
        """Starts to count the head of a request."""
        super().on_message_begin()
        self._head_size = 0
        self._head_done = False

    def on_url(self, url: bytes) -> None:
        """Counts a piece of the request line."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts a header; trailers after a body are counted and dropped."""
        self._count_head(len(name) + len(value or b""))
        if not self._head_done:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Passes the request on, and starts to measure its body."""
        self._head_done = self._used = True
        self._head_timer.stop()
        # It was set where the rest of the body before this came in one piece with this head.
        self._unset_keepalive_if_required()
        self.app = self.config.loaded_app
        if self._place is Place.RESERVED and not self._may_use_reserved_place():
            self.connection_table.count("connections")
            self.app = self._answer_unavailable
        super().on_headers_complete()
        self._body_size = 0
        self._was_paused = False
        self._body_timer.start(self.limits.body_seconds)

    def on_body(self, body: bytes) -> None:
        """Counts a piece of the body."""
        self._used = True
        self._body_size += len(body)
        super().on_body(body)
        self._was_paused = self._was_paused or self.flow.read_paused

    def on_message_complete(self) -> None:
        """Stops measuring the body."""
        self._used = True
        self._body_timer.stop()
        super().on_message_complete()
        if self._late_body:
            # Its arrival ended uvicorn's wait for another request.
            self._late_body = False
            self._head_timer.stop()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Waits for another request; the rest of a body must come as fast as a head."""
        self.connection_table.touch(self)
        if self._body_timer.running and not self.pipeline:
            self._body_timer.stop()
            self._late_body = True
            # Nothing reads it any more, and the connection may be idle for long.
            self.cycle.body = bytearray()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """Passes the connection and its place on to the WebSocket protocol."""
        if self._place is Place.RESERVED:
            self._refuse(self._all_in_use())
            return
        self.connection_table.leave(self)
        self._stop_timers()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """Bounds how long the client may leave a response unread."""
        super().pause_writing()
        self._write_timer.start(self.limits.idle_seconds)

    def resume_writing(self) -> None:
        """Notes that the client reads the response."""
        self._write_timer.stop()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is not HTTP or has too large a head, in the form of all errors."""
        self._refuse(self._refusal or InvalidRequestError(msg))

    def _await_head(self) -> None:
        if not self._head_timer.running:
            self._head_timer.start(self.limits.head_seconds)

    def _on_head_timeout(self) -> None:
        if self.transport.is_closing() or not self.idle:
            return
        if not self._unused:
            # No request was begun: browsers open connections that they may never use.
            self.connection_table.count("head")
            self.transport.close()
            return
        self._refuse(
            RequestTimeoutError(
                "The head of the request did not come within "
                f"{self.limits.head_seconds:g} s (NORDLYD_HEADER_SECONDS)."
            )
        )

    def _check_body_rate(self) -> None:
        if self.transport.is_closing():
            return
        # A client that waits for the service is not slow.
        waits = self._was_paused or self.flow.read_paused or self.cycle.waiting_for_100_continue
        seconds = self.limits.body_seconds
        if not waits and self._body_size < self.limits.body_rate * seconds:
            self._refuse(
                RequestTimeoutError(
                    f"In {seconds:g} s came {self._body_size:,} bytes of the body; accepted: "
                    f"{self.limits.body_rate:g} a second or more (NORDLYD_UPLOAD_MIN_RATE)."
                )
            )
            return
        self._body_size = 0
        self._was_paused = self.flow.read_paused
        self._body_timer.start(seconds)

    def _on_write_timeout(self) -> None:
        self.connection_table.count("unread")
        self.transport.abort()

    def _count_head(self, size: int) -> None:
        self._head_size += size + _HEADER_OVERHEAD_BYTES
        if self._head_size > self.limits.head_bytes:
            self._refusal = self._head_too_large()
            raise self._refusal  # httptools raises an error of its own from it.

    def _head_too_large(self) -> NordlydError:
        return HeadTooLargeError(
            f"The head of the request is over {self.limits.head_bytes // 2**10} KiB "
            "(NORDLYD_MAX_HEADER_KB)."
        )

    def _all_in_use(self) -> NordlydError:
        return UnavailableError(
            f"All {self.connection_table.limit} connections are in use (NORDLYD_CONNECTIONS).",
            code="connections",
            retry_after=_RETRY_SECONDS,
        )

    def _path(self) -> str:
        """Returns the path of the request below a proxy's prefix."""
        return self.url.partition(b"?")[0].decode("latin-1").removeprefix(self.limits.prefix)

    def _may_use_reserved_place(self) -> bool:
        path = self._path()
        return path in _RESERVED_PATHS or path.startswith(f"{_RESERVED_PATHS[0]}/")

    async def _answer_unavailable(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = uuid.uuid4().hex
        response = render_error(self._all_in_use(), self._path(), request_id)
        response.headers["x-request-id"] = request_id
        response.headers["connection"] = "close"
        await response(scope, receive, send)

    def _refuse(self, error: NordlydError) -> None:
        """Sends an error, unless a response has begun, and closes the connection."""
        request_id = uuid.uuid4().hex
        client = self.client[0] if self.client else None
        _log.info("connection refused", code=error.code, client=client, request_id=request_id)
        self.connection_table.count(error.code)
        if not self.idle and self.cycle.response_started:
            self.transport.close()
            return
        # Before a head is complete, the path that was parsed last may be another request's.
        response = render_error(error, self._path() if self._head_done else "", request_id)
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        status_line = STATUS_LINE[response.status_code]
        self.transport.write(status_line + head + b"\r\n" + bytes(response.body))
        self.transport.close()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._body_timer, self._write_timer):
            timer.stop()


class _Timer:
    """Calls a function once, after a time that can be set again.

    Args:
        loop: runs the function.
        callback: the function.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether the call is still to come."""
        return self._handle is not None

    def start(self, seconds: float) -> None:
        """Schedules the call, instead of one that was scheduled before."""
        self.stop()
        self._handle = self._loop.call_later(seconds, self._fire)

    def stop(self) -> None:
        """Cancels the call, if it is still to come."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._callback()
