"""ASGI middleware that holds each key to its quota, before anything of a request is read."""

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.auth import caller_of, owner_of, refuse_connection, required_scope
from app.api.paths import route_path
from app.errors import QuotaExceededError
from app.keys.quotas import QuotaLimiter

_FREE_PATHS = ("/render",)


class QuotaLimits:
    """Counts the requests that bring work, and refuses those above the quota of their key.

    Responses to them have what is left in the headers `RateLimit`, `RateLimit-Policy` and
    `RateLimit-Limit`, `-Remaining` and `-Reset`.

    Args:
        app: the next application.
        quotas: of the keys, and of addresses where no key is needed.
    """

    def __init__(self, app: ASGIApp, *, quotas: QuotaLimiter) -> None:
        self.app = app
        self.quotas = quotas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if not _brings_work(scope):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        key = owner_of(connection) or caller_of(connection)

        async def described_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.quotas.headers(key))
            await send(message)

        try:
            with self.quotas.admit(key):
                await self.app(scope, receive, described_send)
        except QuotaExceededError as error:
            await refuse_connection(error, scope, receive, send)


def _brings_work(scope: Scope) -> bool:
    if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["method"] != "POST"):
        return False
    path = route_path(scope)
    return path not in _FREE_PATHS and required_scope(path, b"") != "admin"
