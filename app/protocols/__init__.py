"""Protocols on ports of their own, each off unless its port is set: Vosk and Wyoming.

Their servers are in `vosk` and `wyoming`, and are imported only where they are on.
"""

from app.protocols.serving import Port, ProtocolContext, ProtocolServer

__all__ = ["Port", "ProtocolContext", "ProtocolServer"]
