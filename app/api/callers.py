"""Who sends a request, as the limits for each caller go by."""

import hashlib

from starlette.requests import HTTPConnection
from starlette.types import Scope

_DIGEST_CHARACTERS = 16


def remember_caller(scope: Scope, key: bytes | None) -> None:
    """Note in a connection's scope who sends it: the digest of its key, or else its address."""
    if key is not None:
        caller = hashlib.sha256(key).hexdigest()[:_DIGEST_CHARACTERS]
    else:
        client = scope.get("client")
        caller = str(client[0]) if client else ""
    scope.setdefault("state", {})["caller"] = caller


def caller_of(connection: HTTPConnection) -> str:
    """Returns who sent a request that passed the authentication."""
    return str(connection.scope.get("state", {}).get("caller", ""))
