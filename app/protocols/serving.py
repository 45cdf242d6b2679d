"""What the servers of live protocols share: their life, and what a failed stream is told."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from app.api.errors import internal_error
from app.api.origins import OriginRules
from app.errors import NordlydError
from app.pipeline import Service
from app.serving import Connections
from app.streaming import LiveStreams
from app.telemetry import Telemetry

STOP_SECONDS = 3.0
"""How long a stopping server waits for its connections to end."""

_log = structlog.get_logger("nordlyd.protocols")


@dataclass(frozen=True, slots=True)
class Port:
    """A socket that is bound, which its server closes, and where clients here find it."""

    listener: socket.socket
    address: str


@dataclass(frozen=True, slots=True)
class ProtocolContext:
    """What serves the streams of a protocol: models, streaming engine, and counters.

    Attributes:
        keys: one of which a client must have; none means that no key is needed.
        origins: which hosts and web pages may connect; None means all.
        connections: where a connection takes its place; None means that there is room for all.
        message_seconds: of audio that one message may hold.
        idle_seconds: after which a client that says nothing is let go.
    """

    service: Service
    live: LiveStreams
    telemetry: Telemetry
    keys: Sequence[str] = ()
    origins: OriginRules | None = None
    connections: Connections | None = None
    message_seconds: float = 600.0
    idle_seconds: float = 300.0


class ProtocolServer(Protocol):
    """A server beside the HTTP one, on the same event loop."""

    @property
    def address(self) -> str:
        """Where clients on this machine find it."""

    async def start(self) -> None:
        """Accept connections."""

    async def stop(self) -> None:
        """Accept no more connections, and end those there are."""


def explain(error: Exception, telemetry: Telemetry, request_id: str) -> NordlydError:
    """Log and count what ended a stream.

    Returns:
        What to tell the client: the error itself where it is one of ours; of what nobody
        foresaw, where to look and no more.
    """
    told = error if isinstance(error, NordlydError) else internal_error(request_id)
    if told is error:
        _log.info("stream refused", request_id=request_id, code=told.code, reason=told.message)
    else:
        _log.error("stream failed", request_id=request_id, exc_info=error)
    telemetry.failures.labels(told.code).inc()
    return told
