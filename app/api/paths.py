"""ASGI middleware that rewrites a request's path or method before its route is looked up."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEAD = "nordlyd.head"


def route_path(scope: Scope) -> str:
    """Returns the path of a request below a proxy's prefix."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(prefix) :] if prefix and f"{path}/".startswith(f"{prefix}/") else path


def is_head(scope: Scope) -> bool:
    """Whether a request that a route sees as GET was HEAD, so that no body is of use."""
    return bool(scope.get(_HEAD, False))


class RootPath:
    """Serves below a proxy's prefix, whether the proxy strips it from the path or not.

    The prefix itself is redirected to the page, whose links are relative to its folder.

    Args:
        app: the next application.
        prefix: such as `/speech`, without a slash at its end.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        path, raw = scope["path"], scope.get("raw_path") or scope["path"].encode()
        if path == self.prefix and scope["type"] == "http":
            await RedirectResponse(f"{self.prefix}/", 308)(scope, receive, send)
            return
        scope["root_path"] = self.prefix
        if not path.startswith(f"{self.prefix}/"):
            scope["path"] = self.prefix + path
            scope["raw_path"] = self.prefix.encode() + raw
        await self.app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD like GET, without the body, on every path with GET (RFC 9110, section 9.3.2).

    Args:
        app: the next application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET", _HEAD: True}

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(inner, receive, send_head)
        finally:
            # The log and the metrics read the route from the outer scope.
            if "route" in inner:
                scope["route"] = inner["route"]
