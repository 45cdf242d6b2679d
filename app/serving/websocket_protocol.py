"""uvicorn's WebSocket protocol, counted among the connections of the service."""

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.serving.connections import Connections


class CountedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, which keeps its place until it ends.

    Attributes:
        connection_table: where it takes its place.
        idle: always False, so that a silent stream is not closed to make room.
    """

    connection_table: Connections
    idle = False

    def drop(self) -> None:
        """Closes the connection at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the place that the handshake had."""
        super().connection_made(transport)
        self.connection_table.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Frees the place."""
        self.connection_table.leave(self)
        super().connection_lost(exc)
