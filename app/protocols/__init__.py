"""Protocols on ports of their own, each off unless its port is set: Vosk and Wyoming.

A socket that is bound goes in; a server that starts and stops with the service comes out.
"""

from app.protocols.serving import Backing, Port, ProtocolServer
from app.protocols.vosk import VoskServer
from app.protocols.wyoming import WyomingServer

__all__ = ["Backing", "Port", "ProtocolServer", "VoskServer", "WyomingServer"]
