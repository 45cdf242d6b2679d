"""Identifies the caller of a connection, for limits that hold for each caller."""

import hashlib
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

_KEY = "caller"


def caller_of_key(key: bytes) -> str:
    """Returns the name of whoever presents an API key: a digest of it."""
    return f"key:{hashlib.sha256(key).hexdigest()[:32]}"


def caller_of_address(host: str) -> str:
    """Returns the name of whoever connects from an address without a key."""
    return f"address:{host}"


def note_key(scope: Scope, key: bytes) -> None:
    """Identifies the caller of a connection by its API key, of which only a digest is kept."""
    state: MutableMapping[str, Any] = scope.setdefault("state", {})
    state[_KEY] = caller_of_key(key)


def caller_of(connection: HTTPConnection) -> str:
    """Returns the digest of the caller's key, or else its address; empty where neither is known."""
    named = connection.scope.get("state", {}).get(_KEY)
    if named is not None:
        return str(named)
    return caller_of_address(connection.client.host) if connection.client else ""


def owner_of(connection: HTTPConnection) -> str:
    """Returns whose jobs a connection sees: the digest of its key; empty where no key is needed."""
    return str(connection.scope.get("state", {}).get(_KEY, ""))
