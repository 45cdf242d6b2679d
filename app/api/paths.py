"""What happens to a request's path and method before its route is looked up, as plain ASGI."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def route_path(scope: Scope) -> str:
    """Returns the path of a scope below the prefix of a proxy."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(prefix) :] if prefix and f"{path}/".startswith(f"{prefix}/") else path


class RootPath:
    """Serves below a proxy's prefix, whether the proxy takes it off the path or leaves it on.

    The prefix itself is redirected to the page, whose addresses are relative to its folder.

    Args:
        app: what is inside.
        prefix: such as `/speech`, without a slash at its end.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
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
    """Answers HEAD as GET without the body, on every path that has GET (RFC 9110, 9.3.2).

    Args:
        app: what is inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET"}

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(inner, receive, send_head)
        finally:
            # For the log and the metrics, which look at the scope they gave.
            if "route" in inner:
                scope["route"] = inner["route"]
