"""Identifies the caller of a connection, for limits that hold for each caller and for ownership."""

from collections.abc import MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.keys import KeyIdentity

_KEY = "api_key"


def caller_of_key(key: KeyIdentity) -> str:
    """Returns the name of whoever presents an API key, as limits go by."""
    return f"key:{key.id}"


def caller_of_address(host: str) -> str:
    """Returns the name of whoever connects from an address without a key."""
    return f"address:{host}"


def note_key(scope: Scope, key: KeyIdentity) -> None:
    """Identifies the caller of a connection by its API key."""
    state: MutableMapping[str, Any] = scope.setdefault("state", {})
    state[_KEY] = key


def caller_of(connection: HTTPConnection) -> str:
    """Returns who limits count a connection for: its key, or else its address; may be empty."""
    key = _key_of(connection)
    if key is not None:
        return caller_of_key(key)
    return caller_of_address(connection.client.host) if connection.client else ""


def owner_of(connection: HTTPConnection) -> str:
    """Returns the id of the caller's key, whose jobs it sees; empty where no key is needed."""
    key = _key_of(connection)
    return "" if key is None else key.id


def _key_of(connection: HTTPConnection) -> KeyIdentity | None:
    key: KeyIdentity | None = connection.scope.get("state", {}).get(_KEY)
    return key
