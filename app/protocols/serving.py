"""What the servers of live protocols share: their life, and what a failed stream is told."""

import socket
from dataclasses import dataclass
from typing import Protocol

import structlog

from app.api.errors import internal_error
from app.errors import NordlydError
from app.service import Service
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
class Backing:
    """What serves the streams of a protocol: models, streaming engine, and counters."""

    service: Service
    live: LiveStreams
    telemetry: Telemetry


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
