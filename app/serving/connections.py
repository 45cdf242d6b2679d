"""Bounds how many connections the service has, so that descriptors never run out.

A new connection past the limit takes the place of the one that has been idle for longest. Where all
are in use it gets one of a few reserved places, which serve health and metrics only.
"""

import resource
from collections import OrderedDict
from enum import Enum, auto
from typing import Protocol

from app.telemetry import Telemetry

RESERVE = 16
"""Number of places beyond the limit, for health and metrics."""

_MAX_LIMIT = 2000
_MIN_LIMIT = 16
# For models, pipes to workers, libraries and listeners.
_OWN_DESCRIPTORS = 128


class Place(Enum):
    """The kind of place that a connection has."""

    ORDINARY = auto()
    RESERVED = auto()
    NONE = auto()


class Peer(Protocol):
    """One connection."""

    @property
    def idle(self) -> bool:
        """Whether no request is being served, so that closing it loses nothing."""

    def drop(self) -> None:
        """Closes it at once."""


def default_limit() -> int:
    """Returns how many connections the limit of descriptors allows; an upload takes two."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MAX_LIMIT
    return max(_MIN_LIMIT, min(_MAX_LIMIT, (soft - _OWN_DESCRIPTORS) // 2))


class Connections:
    """All connections of the service, on whatever port.

    Args:
        limit: the number of ordinary places.
        telemetry: counts connections.
    """

    def __init__(self, limit: int, telemetry: Telemetry) -> None:
        self.limit = limit
        self._telemetry = telemetry
        self._peers: OrderedDict[Peer, None] = OrderedDict()
        telemetry.connections.set_function(lambda: float(len(self._peers)))

    def enter(self, peer: Peer) -> Place:
        """Returns the place of a new connection; closes an idle one where all are taken."""
        if len(self._peers) >= self.limit and not self._make_room():
            if len(self._peers) >= self.limit + RESERVE:
                self.count("connections")
                return Place.NONE
            self._peers[peer] = None
            return Place.RESERVED
        self._peers[peer] = None
        return Place.ORDINARY

    def touch(self, peer: Peer) -> None:
        """Notes that a connection has just been used."""
        if peer in self._peers:
            self._peers.move_to_end(peer)

    def leave(self, peer: Peer) -> None:
        """Frees the place of a connection."""
        self._peers.pop(peer, None)

    def count(self, reason: str) -> None:
        """Counts a connection that was closed for that reason."""
        self._telemetry.connections_ended.labels(reason).inc()

    def _make_room(self) -> bool:
        for peer in self._peers:
            if peer.idle:
                del self._peers[peer]
                self.count("connections")
                peer.drop()
                return True
        return False
