"""A connection in, the name by which its caller's share of the service is counted out."""

import hashlib
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

_KEY = "caller"


def note_key(scope: Scope, key: bytes) -> None:
    """Names the caller of a scope after its API key, of which only a digest is kept."""
    state: MutableMapping[str, Any] = scope.setdefault("state", {})
    state[_KEY] = f"key:{hashlib.sha256(key).hexdigest()[:32]}"


def caller_of(connection: HTTPConnection) -> str:
    """Returns the digest of the caller's key, or else its address; empty where it has neither."""
    named = connection.scope.get("state", {}).get(_KEY)
    if named is not None:
        return str(named)
    return f"address:{connection.client.host}" if connection.client else ""
