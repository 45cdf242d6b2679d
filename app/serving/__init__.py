"""Between the sockets and the API: limits of connections, and of what each may take."""

from app.serving.connections import Connections, default_limit
from app.serving.limits import HttpLimits
from app.serving.protocols import bound_protocols

__all__ = ["Connections", "HttpLimits", "bound_protocols", "default_limit"]
