"""API keys and their scopes, checked before a body is read, and the callers that they identify.

Where there is no key, all is open, and an address identifies a caller.
"""

import asyncio
import base64
import binascii
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from app.api.errors import error_response
from app.api.paths import route_path
from app.api.sockets import OPENAI_SUBPROTOCOL, POLICY, SUBPROTOCOL, refuse
from app.errors import AuthenticationError, NordlydError, PermissionDeniedError
from app.keys import KeyIdentity, KeyRing, Scope

OPEN_PATHS = frozenset(
    {
        "/health", "/health/live", "/health/ready", "/metrics",
        "/docs", "/docs/oauth2-redirect", "/openapi.json", "/",
    }
)  # fmt: skip
OPEN_FOLDERS = ("/static-offline-docs/", "/web/")
"""The files of the pages at /docs and /."""

KEY_PREFIX = "key:"
"""What the name of a caller with a key begins with, before the key's id."""

ADDRESS_PREFIX = "address:"
"""What the name of a caller without a key begins with, before its address."""

REFUSED_LATER = "The API key was revoked or has expired."
"""Why a WebSocket is closed whose key was accepted when it was opened."""

_IDENTITY = "api_key"
_SCHEMES = frozenset({"bearer", "token"})
_KEY = f"{SUBPROTOCOL}.key."
_OPENAI_KEY = "openai-insecure-api-key."

# Only for the OpenAPI page; `Authentication` checks the keys.
DOCUMENTED_BEARER = HTTPBearer(
    auto_error=False, description="A key of `nordlyd keys` or NORDLYD_API_KEYS."
)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def required_scope(path: str, query: bytes) -> Scope:
    """Returns the scope that a key must have for a request.

    Args:
        path: of the request, below a proxy's prefix.
        query: of the request, as received.
    """
    if f"{path}/".startswith("/admin/"):
        return "admin"
    if f"{path}/".startswith(("/jobs/", "/v2/")):
        return "jobs"
    # Deepgram's clients turn a request into a job by where its result is to be posted.
    if path == "/v1/listen" and "callback" in dict(parse_qsl(query.decode("latin-1"))):
        return "jobs"
    return "transcribe"


async def authenticate(keys: KeyRing, header: str, needed: Scope) -> KeyIdentity | None:
    """Returns whose key is in a value of the header `Authorization`; None where none is needed.

    Raises:
        AuthenticationError: there is no key, or it is not accepted.
        PermissionDeniedError: the key does not have the scope, or no key could have it.
        UnavailableError: the keys could not be read yet.
    """
    if not keys.needed:
        if needed == "admin":
            raise PermissionDeniedError(
                "The admin routes need a key of scope admin, and there is no key yet: "
                "`nordlyd keys create NAME --scope admin` makes one."
            )
        return None
    key = await keys.authenticate(_presented(header))
    if needed not in key.scopes:
        raise PermissionDeniedError(
            f"This API key has no scope {needed}; it has: {', '.join(sorted(key.scopes))}."
        )
    return key


def _presented(header: str) -> bytes:
    """Returns the key in a value of `Authorization`; raises AuthenticationError without one.

    Deepgram's clients send `Token <key>`, and AssemblyAI's the key alone.
    """
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() not in _SCHEMES:
        scheme, given = "", header
    if not given.strip():
        raise AuthenticationError("An API key is needed, as `Authorization: Bearer <key>`.")
    # Headers are decoded as Latin-1; encoding restores the bytes that were sent.
    return given.strip().encode("latin-1", "replace")


def authorization(header: str, offered: Iterable[str] = ()) -> str:
    """Returns the header `Authorization`, or its equivalent among the subprotocols of a WebSocket.

    A web page cannot set headers when it opens a WebSocket, only subprotocols, which are ASCII
    tokens: ours carries the key in base64url without padding, and OpenAI's carries it unchanged.

    Args:
        header: as received; may be empty.
        offered: the subprotocols of a WebSocket.
    """
    if header:
        return header
    for protocol in offered:
        if protocol.startswith(_OPENAI_KEY):
            return f"Bearer {protocol.removeprefix(_OPENAI_KEY)}"
        if protocol.startswith(_KEY):
            encoded = protocol.removeprefix(_KEY)
            try:
                key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
            except binascii.Error:
                return "Bearer ?"  # A key was given that cannot be one of ours.
            return f"Bearer {key.decode('latin-1')}"
    return ""


class Authentication:
    """Refuses requests without an accepted key of the scope they need, except for open paths.

    Args:
        app: the next application.
        keys: the accepted keys.
    """

    def __init__(self, app: ASGIApp, *, keys: KeyRing) -> None:
        self.app = app
        self.keys = keys

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "lifespan" or _is_open(route_path(scope)):
            await self.app(scope, receive, send)
            return
        needed = required_scope(route_path(scope), scope.get("query_string", b""))
        header = Headers(scope=scope).get("authorization", "")
        try:
            given = authorization(header, scope.get("subprotocols", ()))
            key = await authenticate(self.keys, given, needed)
        except NordlydError as error:
            await refuse_connection(error, scope, receive, send)
            return
        if key is not None:
            note_key(scope, key)
        if key is not None and scope["type"] == "websocket":
            await self._serve_socket(key, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _serve_socket(
        self, key: KeyIdentity, scope: ASGIScope, receive: Receive, send: Send
    ) -> None:
        """Serves a WebSocket until it ends or its key is accepted no more."""
        serving = asyncio.ensure_future(self.app(scope, receive, send))
        refused = asyncio.ensure_future(self.keys.wait_until_refused(key))
        try:
            await asyncio.wait({serving, refused}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
                return
        finally:
            for task in (serving, refused):
                task.cancel()
            await asyncio.gather(serving, refused, return_exceptions=True)
        # The connection may have been closed meanwhile.
        with suppress(OSError, RuntimeError):
            await send({"type": "websocket.close", "code": POLICY, "reason": REFUSED_LATER})


async def refuse_connection(
    error: NordlydError, scope: ASGIScope, receive: Receive, send: Send
) -> None:
    """Answers a request, or the opening of a WebSocket, with an error."""
    if scope["type"] != "websocket":
        await error_response(error, scope)(scope, receive, send)
        return
    scope.setdefault("state", {})["error_code"] = error.code
    known = {SUBPROTOCOL, OPENAI_SUBPROTOCOL}.intersection(scope["subprotocols"])
    await refuse(error, scope, receive, send, subprotocol=next(iter(known), None))


def caller_of_key(key: KeyIdentity) -> str:
    """Returns the name of whoever presents an API key, as limits go by."""
    return f"{KEY_PREFIX}{key.id}"


def caller_of_address(host: str) -> str:
    """Returns the name of whoever connects from an address without a key."""
    return f"{ADDRESS_PREFIX}{host}"


def note_key(scope: ASGIScope, key: KeyIdentity) -> None:
    """Identifies the caller of a connection by its API key."""
    state: MutableMapping[str, Any] = scope.setdefault("state", {})
    state[_IDENTITY] = key


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
    key: KeyIdentity | None = connection.scope.get("state", {}).get(_IDENTITY)
    return key
