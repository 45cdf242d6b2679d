"""uvicorn's protocols, held to limits: the size and time of a head, the pace of a body, idleness.

httptools and uvicorn bound none of them: a head without end, or a body of a byte a minute, would
be taken for as long as it lasts.
"""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
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
from app.settings import Settings

_OPEN = ("/health", "/metrics")
_RETRY_SECONDS = 2.0

_log = structlog.get_logger("nordlyd.server")


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a connection may take.

    Attributes:
        head_bytes: of a request's line and headers, and of anything else that is no body.
        head_seconds: from the first byte, of the connection or of a later request, to the body.
        idle_seconds: without a request, and without taking any of an answer.
        body_seconds: over which a body must keep its pace.
        body_rate: that pace, in bytes per second.
        prefix: of a proxy, before every path.
    """

    head_bytes: int
    head_seconds: float
    idle_seconds: float
    body_seconds: float
    body_rate: float
    prefix: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "HttpLimits":
        """Returns the limits that the settings mean."""
        return cls(
            head_bytes=settings.max_header_kb * 2**10,
            head_seconds=settings.header_seconds,
            idle_seconds=settings.keep_alive_seconds,
            body_seconds=settings.upload_idle_seconds,
            body_rate=settings.upload_min_rate,
            prefix=settings.root_path,
        )


class LimitedHttp(HttpToolsProtocol):
    """One HTTP connection.

    Attributes:
        table: where it takes its place.
        limits: what it may take.
    """

    table: Connections
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
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._refusal: NordlydError | None = None
        self._head_size = 0
        self._head_done = False
        # Bytes of which nothing came yet, and whether something came of the newest.
        self._unused = 0
        self._used = False
        self._body_size = 0
        self._was_paused = False

    @property
    def idle(self) -> bool:
        """Whether no request is under way; one whose head is not complete is none."""
        return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    def drop(self) -> None:
        """End it at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, and begin to wait for a request."""
        super().connection_made(transport)
        self._place = self.table.enter(self)
        if self._place is Place.NONE:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place."""
        self.table.leave(self)
        self._forget_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; what nothing comes of must stay short."""
        if self.transport.is_closing():
            return
        if self.idle:
            self._await_head()
        self._used = False
        super().data_received(data)
        self._unused = 0 if self._used else self._unused + len(data)
        if self._unused > self.limits.head_bytes and not self.transport.is_closing():
            self._refuse(self._too_large())

    def on_message_begin(self) -> None:
        """Begin to count the head of a request."""
        super().on_message_begin()
        self._head_size = 0
        self._head_done = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's line."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those after a body are counted and dropped."""
        self._count_head(len(name) + len(value or b""))
        if not self._head_done:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request on, and watch its body."""
        self._head_done = self._used = True
        self._stop(self._head_timer)
        self._head_timer = None
        self.app = self.config.loaded_app
        if self._place is Place.RESERVED and not self._is_open():
            self.table.count("connections")
            self.app = self._overloaded
        super().on_headers_complete()
        self._body_size = 0
        self._was_paused = False
        self._stop(self._body_timer)
        self._body_timer = self.loop.call_later(self.limits.body_seconds, self._check_body)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._used = True
        self._body_size += len(body)
        super().on_body(body)
        self._was_paused = self._was_paused or self.flow.read_paused

    def on_message_complete(self) -> None:
        """Stop watching the body."""
        self._used = True
        self._stop(self._body_timer)
        self._body_timer = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin to wait for another request."""
        self.table.rest(self)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on, with its place."""
        if self._place is Place.RESERVED:
            self._refuse(self._all_taken())
            return
        self.table.leave(self)
        self._forget_timers()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """The client takes nothing more: not for ever."""
        super().pause_writing()
        self._stop(self._write_timer)
        self._write_timer = self.loop.call_later(self.limits.idle_seconds, self._end_unread)

    def resume_writing(self) -> None:
        """The client takes the answer."""
        self._stop(self._write_timer)
        self._write_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or has too long a head, in the one form of all errors."""
        self._refuse(self._refusal or InvalidRequestError(msg))

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.head_seconds, self._end_headless)

    def _end_headless(self) -> None:
        self._head_timer = None
        if self.transport.is_closing() or not self.idle:
            return
        if not self._unused:
            # Nothing was asked: browsers open connections that they may never use.
            self.table.count("head")
            self.transport.close()
            return
        self._refuse(
            RequestTimeoutError(
                "The head of the request did not come within "
                f"{self.limits.head_seconds:g} s (NORDLYD_HEADER_SECONDS)."
            )
        )

    def _check_body(self) -> None:
        self._body_timer = None
        if self.transport.is_closing():
            return
        # Whoever is held up by us need not hurry.
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
        self._body_timer = self.loop.call_later(seconds, self._check_body)

    def _end_unread(self) -> None:
        self._write_timer = None
        self.table.count("unread")
        self.transport.abort()

    def _count_head(self, size: int) -> None:
        # Four bytes stand around every header.
        self._head_size += size + 4
        if self._head_size > self.limits.head_bytes:
            self._refusal = self._too_large()
            raise self._refusal  # httptools turns it into an error of its own.

    def _too_large(self) -> NordlydError:
        return HeadTooLargeError(
            f"The head of the request is over {self.limits.head_bytes // 2**10} KiB "
            "(NORDLYD_MAX_HEADER_KB)."
        )

    def _all_taken(self) -> NordlydError:
        return UnavailableError(
            f"All {self.table.limit} connections are in use (NORDLYD_CONNECTIONS).",
            code="connections",
            retry_after=_RETRY_SECONDS,
        )

    def _path(self) -> str:
        """Returns the path of the request below a proxy's prefix."""
        return self.url.partition(b"?")[0].decode("latin-1").removeprefix(self.limits.prefix)

    def _is_open(self) -> bool:
        path = self._path()
        return path in _OPEN or path.startswith(f"{_OPEN[0]}/")

    async def _overloaded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = uuid.uuid4().hex
        answer = render_error(self._all_taken(), self._path(), request_id)
        answer.headers["x-request-id"] = request_id
        answer.headers["connection"] = "close"
        await answer(scope, receive, send)

    def _refuse(self, error: NordlydError) -> None:
        """Say what is wrong, unless an answer is under way, and close."""
        request_id = uuid.uuid4().hex
        client = self.client[0] if self.client else None
        _log.info("connection refused", code=error.code, client=client, request_id=request_id)
        self.table.count(error.code)
        if not self.idle and self.cycle.response_started:
            self.transport.close()
            return
        # Without a complete head, the path that was parsed last is another request's.
        path = self._path() if self._head_done else ""
        answer = render_error(error, path, request_id)
        headers = [
            *self.server_state.default_headers,
            *answer.raw_headers,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body))
        self.transport.close()

    def _forget_timers(self) -> None:
        for timer in (self._head_timer, self._body_timer, self._write_timer):
            self._stop(timer)
        self._head_timer = self._body_timer = self._write_timer = None

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


class LimitedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, which has its place until it ends.

    Attributes:
        table: where it takes its place.
        idle: never; what waits for words is in use.
    """

    table: Connections
    idle = False

    def drop(self) -> None:
        """End it at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the place that the handshake had."""
        super().connection_made(transport)
        self.table.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place."""
        self.table.leave(self)
        super().connection_lost(exc)


def bound_protocols(
    table: Connections, limits: HttpLimits
) -> tuple[type[LimitedHttp], type[LimitedWebSocket]]:
    """Returns the protocols of one service, which uvicorn makes without arguments of ours."""
    http = type("BoundHttp", (LimitedHttp,), {"table": table, "limits": limits})
    return http, type("BoundWebSocket", (LimitedWebSocket,), {"table": table})
