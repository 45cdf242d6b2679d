"""Connections of the protocols with their own port, counted against the service's limit.

None of them may use the places in reserve, which are for health checks.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from websockets.asyncio.server import ServerConnection

from app.keys import KeyIdentity
from app.serving import Connections
from app.serving.connections import Place


class CountedWebSocket(ServerConnection):
    """A WebSocket that is counted in `table`; None for no limit.

    Attributes:
        key: that its handshake presented; None where none was needed.
    """

    table: Connections | None = None
    key: KeyIdentity | None = None

    @property
    def idle(self) -> bool:
        """Whether its handshake has not arrived."""
        return self.request is None

    def drop(self) -> None:
        """Ends it at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the connection."""
        super().connection_made(transport)
        if self.table is not None and self.table.enter(self) is not Place.ORDINARY:
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts the connection no more."""
        if self.table is not None:
            self.table.leave(self)
        super().connection_lost(exc)


def counted_websocket(table: Connections | None) -> type[CountedWebSocket]:
    """Returns a class of connections that are counted in that table."""
    return type("BoundWebSocket", (CountedWebSocket,), {"table": table})


class CountedStream(asyncio.StreamReaderProtocol):
    """A TCP connection.

    Args:
        reader: gets the data.
        connected: called once it is open.
        table: counts it; None for no limit.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
        *,
        table: Connections | None,
    ) -> None:
        super().__init__(reader, connected)
        self.idle = True
        self._table = table
        self._open: asyncio.Transport | None = None

    def drop(self) -> None:
        """Ends it at once."""
        if self._open is not None:
            self._open.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the connection."""
        super().connection_made(transport)
        self._open = cast("asyncio.Transport", transport)
        if self._table is not None and self._table.enter(self) is not Place.ORDINARY:
            self.drop()

    def data_received(self, data: bytes) -> None:
        """Processes data; from now on the connection is in use."""
        self.idle = False
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts the connection no more."""
        if self._table is not None:
            self._table.leave(self)
        super().connection_lost(exc)
