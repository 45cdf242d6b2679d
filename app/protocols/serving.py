"""What the servers of live protocols share: their context, and the report of a failed stream."""

import socket
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from app.api.errors import internal_error
from app.api.origins import OriginRules
from app.contract.options import MAX_HOTWORDS
from app.errors import NordlydError
from app.keys import KeyRing, QuotaLimiter
from app.pipeline import Service
from app.serving import Connections
from app.streaming import LiveStreams
from app.telemetry import Telemetry

STOP_SECONDS = 3.0
"""How long a stopping server waits for its connections to end."""

_log = structlog.get_logger("nordlyd.protocols")


@dataclass(frozen=True, slots=True)
class Port:
    """A bound socket, which its server closes, and its address for clients on this machine."""

    listener: socket.socket
    address: str


@dataclass(frozen=True, slots=True)
class ProtocolContext:
    """The parts of the service that a protocol uses: models, live streams and counters.

    Attributes:
        keys: the API keys that are accepted; by default none is needed.
        quotas: what each key, or address without a key, may use.
        allow_anonymous: whether clients that cannot present a key are served where one is needed.
        origins: which hosts and web pages may connect; None for all.
        connections: counts connections against the limit; None for no limit.
        message_seconds: of audio that one message may hold.
        max_hotwords: of a request; a protocol that shortens a list of them does so to this length.
        idle_seconds: after which a client that sends nothing is disconnected.
    """

    service: Service
    live: LiveStreams
    telemetry: Telemetry
    keys: KeyRing = field(default_factory=KeyRing)
    quotas: QuotaLimiter = field(default_factory=QuotaLimiter)
    allow_anonymous: bool = False
    origins: OriginRules | None = None
    connections: Connections | None = None
    message_seconds: float = 600.0
    max_hotwords: int = MAX_HOTWORDS
    idle_seconds: float = 300.0


class ProtocolServer(Protocol):
    """A server beside the HTTP one, on the same event loop."""

    @property
    def address(self) -> str:
        """Its address for clients on this machine."""

    async def start(self) -> None:
        """Accepts connections."""

    async def stop(self) -> None:
        """Accepts no more connections, and ends those there are."""


def report_failure(error: Exception, telemetry: Telemetry, request_id: str) -> NordlydError:
    """Logs and counts the error that ended a stream.

    Returns:
        The error to send to the client: the error itself if it is a `NordlydError`, otherwise one
        that only names the log.
    """
    sent = error if isinstance(error, NordlydError) else internal_error(request_id)
    if sent is error:
        _log.info("stream refused", request_id=request_id, code=sent.code, reason=sent.message)
    else:
        _log.error("stream failed", request_id=request_id, exc_info=error)
    telemetry.failures.labels(sent.code).inc()
    return sent
