"""Builds uvicorn's protocol classes with the connections and limits of one service."""

from app.serving.connections import Connections
from app.serving.http_protocol import LimitedHttp
from app.serving.limits import HttpLimits
from app.serving.websocket_protocol import CountedWebSocket


def bound_protocols(
    connections: Connections, limits: HttpLimits
) -> tuple[type[LimitedHttp], type[CountedWebSocket]]:
    """Returns subclasses with the attributes set, since uvicorn passes no arguments of ours."""
    http = type("BoundHttp", (LimitedHttp,), {"connection_table": connections, "limits": limits})
    return http, type("BoundWebSocket", (CountedWebSocket,), {"connection_table": connections})
