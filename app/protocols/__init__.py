"""Protocols on ports of their own, each off unless its port is set: Vosk and Wyoming.

A socket that is bound goes in; a server that starts and stops with the service comes out. The
servers are in `vosk` and `wyoming`, so that what is off is not imported.
"""

from app.protocols.serving import Port, ProtocolContext, ProtocolServer

__all__ = ["Port", "ProtocolContext", "ProtocolServer"]
