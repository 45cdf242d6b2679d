"""Sockets in, requests within their limits out: what stands between the network and the API."""

from app.serving.connections import Connections, default_limit
from app.serving.http import HttpLimits, bound_protocols

__all__ = ["Connections", "HttpLimits", "bound_protocols", "default_limit"]
