"""Optional API keys: a request in, 401 or the route out.

Checked before a body is read. Without keys in the settings everything is open.
"""

import hmac
from collections.abc import Sequence

from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import error_response
from app.errors import AuthenticationError

OPEN_PATHS = frozenset(
    {
        "/health", "/health/live", "/health/ready", "/metrics",
        "/docs", "/docs/oauth2-redirect", "/openapi.json",
    }
)  # fmt: skip
OPEN_FOLDER = "/static-offline-docs/"
"""What the page at /docs is made of."""

# Only tells the OpenAPI page that there may be keys; `Authentication` checks them.
DOCUMENTED_BEARER = HTTPBearer(auto_error=False, description="One of NORDLYD_API_KEYS, if set.")


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


class Authentication:
    """Lets through what carries one of the keys, and what asks for an open path.

    Args:
        app: what is inside.
        keys: the accepted keys; none means that no key is asked for.
    """

    def __init__(self, app: ASGIApp, *, keys: Sequence[str]) -> None:
        self.app = app
        self.keys = tuple(key.encode() for key in keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] == "lifespan" or not self.keys or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            self._check(Headers(scope=scope).get("authorization", ""))
        except AuthenticationError as error:
            scope.setdefault("state", {})["error_code"] = error.code
            await error_response(error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check(self, header: str) -> None:
        scheme, _, given = header.partition(" ")
        # `Token` is what Deepgram's clients write.
        if scheme.lower() not in {"bearer", "token"} or not given.strip():
            raise AuthenticationError("An API key is needed, as `Authorization: Bearer <key>`.")
        # Header bytes are read as Latin-1; undone, a key of any letters is what was sent.
        presented = given.strip().encode("latin-1")
        # Every key is compared, so that the time taken says nothing of which one was close.
        matches = [hmac.compare_digest(presented, key) for key in self.keys]
        if not any(matches):
            raise AuthenticationError("This API key is not known here.")
