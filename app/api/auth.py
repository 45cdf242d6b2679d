"""Optional API keys: a request in, 401 or the route out.

Checked before a body is read. Without keys in the settings everything is open.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.caller import note_key
from app.api.errors import error_response
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
"""What the pages at /docs and / are made of."""

_KEY = f"{SUBPROTOCOL}.key."
_OPENAI_KEY = "openai-insecure-api-key."

# Only tells the OpenAPI page that there may be keys; `Authentication` checks them.
DOCUMENTED_BEARER = HTTPBearer(auto_error=False, description="One of NORDLYD_API_KEYS, if set.")


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


class ApiKeys:
    """The accepted keys, of which a caller must present one.

    Args:
        keys: none means that no key is needed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    @property
    def needed(self) -> bool:
        """Whether a caller must have a key."""
        return bool(self._keys)

    def check(self, header: str) -> bytes:
        """Returns the key in the value of `Authorization`, which is one of these.

        Raises:
            AuthenticationError: there is none, or another one.
        """
        scheme, _, given = header.partition(" ")
        # `Token` is what Deepgram's clients write.
        if scheme.lower() not in {"bearer", "token"} or not given.strip():
            raise AuthenticationError("An API key is needed, as `Authorization: Bearer <key>`.")
        # Header bytes are read as Latin-1; undone, a key of any letters is what was sent.
        presented = given.strip().encode("latin-1", "replace")
        # Every key is compared, so that the time taken says nothing of which one was close.
        matches = [hmac.compare_digest(presented, key) for key in self._keys]
        if not any(matches):
            raise AuthenticationError("This API key is not known here.")
        return presented


def authorization(header: str, offered: Iterable[str] = ()) -> str:
    """Returns the header `Authorization`, or what stands for it where a browser can set no header.

    A page can only name subprotocols when it opens a WebSocket, and these are tokens of ASCII:
    so ours carries the key in base64url without padding. The other is what OpenAI's pages write.

    Args:
        header: as it came; may be empty.
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
                return "Bearer ?"  # A key was given, and it is none of ours.
            return f"Bearer {key.decode('latin-1')}"
    return ""


class Authentication:
    """Lets through what carries one of the keys, and what asks for an open path.

    Args:
        app: what is inside.
        keys: the accepted keys; none means that no key is asked for.
    """

    def __init__(self, app: ASGIApp, *, keys: Sequence[str]) -> None:
        self.app = app
        self.keys = ApiKeys(keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] == "lifespan" or not self.keys.needed or _is_open(route_path(scope)):
            await self.app(scope, receive, send)
            return
        try:
            header = Headers(scope=scope).get("authorization", "")
            note_key(scope, self.keys.check(authorization(header, scope.get("subprotocols", ()))))
        except AuthenticationError as error:
            if scope["type"] == "websocket":
                scope.setdefault("state", {})["error_code"] = error.code
                known = {SUBPROTOCOL, OPENAI_SUBPROTOCOL}.intersection(scope["subprotocols"])
                spoken = next(iter(known), None)
                await refuse(error, scope, receive, send, subprotocol=spoken)
            else:
                await error_response(error, scope)(scope, receive, send)
            return
        await self.app(scope, receive, send)
