"""Optional API keys, checked before a body is read; without keys in the settings all is open."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.caller import note_key
from app.api.errors import ASSEMBLYAI_PATHS, error_response
from app.api.paths import route_path
from app.api.sockets import OPENAI_SUBPROTOCOL, SUBPROTOCOL, refuse
from app.errors import AuthenticationError

OPEN_PATHS = frozenset(
    {
        "/health", "/health/live", "/health/ready", "/metrics",
        "/docs", "/docs/oauth2-redirect", "/openapi.json", "/",
    }
)  # fmt: skip
OPEN_FOLDERS = ("/static-offline-docs/", "/web/")
"""The files of the pages at /docs and /."""

_KEY = f"{SUBPROTOCOL}.key."
_OPENAI_KEY = "openai-insecure-api-key."

# Only for the OpenAPI page; `Authentication` checks the keys.
DOCUMENTED_BEARER = HTTPBearer(auto_error=False, description="One of NORDLYD_API_KEYS, if set.")


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


class ApiKeys:
    """The accepted keys, of which a client must present one.

    Args:
        keys: empty where no key is needed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    @property
    def needed(self) -> bool:
        """Whether a client must present a key."""
        return bool(self._keys)

    def check(self, header: str) -> bytes:
        """Returns the accepted key in a value of the header `Authorization`.

        Raises:
            AuthenticationError: there is no key, or it is not accepted.
        """
        scheme, _, given = header.partition(" ")
        # Deepgram's clients send `Token`.
        if scheme.lower() not in {"bearer", "token"} or not given.strip():
            raise AuthenticationError("An API key is needed, as `Authorization: Bearer <key>`.")
        # Headers are decoded as Latin-1; encoding restores the bytes that were sent.
        presented = given.strip().encode("latin-1", "replace")
        # All keys are compared, so that the time taken reveals nothing about them.
        matches = [hmac.compare_digest(presented, key) for key in self._keys]
        if not any(matches):
            raise AuthenticationError("This API key is not known here.")
        return presented


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
    """Refuses requests without an accepted key, except for open paths.

    Args:
        app: the next application.
        keys: the accepted keys; empty where no key is needed.
    """

    def __init__(self, app: ASGIApp, *, keys: Sequence[str]) -> None:
        self.app = app
        self.keys = ApiKeys(keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "lifespan" or not self.keys.needed or _is_open(route_path(scope)):
            await self.app(scope, receive, send)
            return
        try:
            header = Headers(scope=scope).get("authorization", "")
            if header and " " not in header and route_path(scope).startswith(ASSEMBLYAI_PATHS):
                # AssemblyAI's clients send the key alone.
                header = f"Bearer {header}"
            note_key(scope, self.keys.check(authorization(header, scope.get("subprotocols", ()))))
        except AuthenticationError as error:
            if scope["type"] == "websocket":
                scope.setdefault("state", {})["error_code"] = error.code
                known = {SUBPROTOCOL, OPENAI_SUBPROTOCOL}.intersection(scope["subprotocols"])
                subprotocol = next(iter(known), None)
                await refuse(error, scope, receive, send, subprotocol=subprotocol)
            else:
                await error_response(error, scope)(scope, receive, send)
            return
        await self.app(scope, receive, send)
