"""Connections in, a place for each or none out, so that descriptors never run out.

Past the limit, who waits longest without a request makes room. Where everybody has one, a few
places are left in which only the state of the service is told.
"""

import resource
from collections import OrderedDict
from enum import Enum, auto
from typing import Protocol

from app.telemetry import Telemetry

RESERVE = 16
"""Places beyond the limit, for health and metrics."""

_MOST = 2000
_LEAST = 16
# Models, pipes to workers, libraries, listeners.
_OWN_DESCRIPTORS = 128


class Place(Enum):
    """What a connection may do."""

    ORDINARY = auto()
    RESERVED = auto()
    NONE = auto()


class Peer(Protocol):
    """One connection, as far as it matters to the others."""

    @property
    def idle(self) -> bool:
        """Whether it has no request under way, so that nothing is lost with it."""

    def drop(self) -> None:
        """End it at once."""


def default_limit() -> int:
    """Returns how many connections the limit of descriptors allows: an upload takes two."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST
    return max(_LEAST, min(_MOST, (soft - _OWN_DESCRIPTORS) // 2))


class Connections:
    """All connections of the service, on whatever port.

    Args:
        limit: how many have an ordinary place.
        telemetry: where they are counted.
    """

    def __init__(self, limit: int, telemetry: Telemetry) -> None:
        self.limit = limit
        self._telemetry = telemetry
        self._peers: OrderedDict[Peer, None] = OrderedDict()
        telemetry.connections.set_function(lambda: float(len(self._peers)))

    def enter(self, peer: Peer) -> Place:
        """Gives a new connection its place, perhaps that of another one."""
        if len(self._peers) >= self.limit and not self._make_room():
            if len(self._peers) >= self.limit + RESERVE:
                self.count("connections")
                return Place.NONE
            self._peers[peer] = None
            return Place.RESERVED
        self._peers[peer] = None
        return Place.ORDINARY

    def rest(self, peer: Peer) -> None:
        """Notes that a connection has just been of use."""
        if peer in self._peers:
            self._peers.move_to_end(peer)

    def leave(self, peer: Peer) -> None:
        """Notes that a connection is gone."""
        self._peers.pop(peer, None)

    def count(self, reason: str) -> None:
        """Counts a connection that was ended for that reason."""
        self._telemetry.connections_ended.labels(reason).inc()

    def _make_room(self) -> bool:
        for peer in self._peers:
            if peer.idle:
                del self._peers[peer]
                self.count("connections")
                peer.drop()
                return True
        return False
