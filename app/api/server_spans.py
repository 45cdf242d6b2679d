"""The span of a request or a WebSocket, by OpenTelemetry's semantic conventions for HTTP.

Neither the query nor the client's address and user agent are attributes: a query has the URLs of
recordings and words of their text.
"""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import Scope

from app import tracing
from app.tracing import Span

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_SERVER_ERROR = 500


def server_span(scope: Scope) -> Span:
    """Returns the span of a request or a WebSocket, caused by what its `traceparent` names.

    A WebSocket has one span for all of its session, without stages.
    """
    if not tracing.is_on():
        return tracing.OFF
    headers = Headers(scope=scope)
    name, attributes = _description(scope)
    return tracing.root_span(
        name,
        "server",
        _trace_context(headers),
        attributes,
        with_stages=scope["type"] == "http",
    )


def end_server_span(span: Span, scope: Scope, route: str | None, status: int | None) -> None:
    """Notes how a request was answered.

    Args:
        span: of the request.
        scope: of the request.
        route: path of the route that served it, as it was declared; None where there is none.
        status: of the answer; None where its client was gone before.
    """
    if not tracing.is_on():
        return
    if route is not None:
        span.set("http.route", route)
        # Of other paths, anything may be in them.
        span.set("url.path", scope["path"])
        span.rename(f"{_description(scope)[0]} {route}")
    if status is None:
        span.fail(tracing.CANCELLED)
        return
    span.set("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        span.fail(scope["state"].get("error_code") or str(status))


def _description(scope: Scope) -> tuple[str, Mapping[str, tracing.Value]]:
    """Returns the name of a span whose route is not known yet, and its attributes."""
    # The handshake of a WebSocket is a GET.
    method = scope.get("method", "GET")
    known = method in _METHODS
    attributes: dict[str, tracing.Value] = {
        "http.request.method": method if known else "_OTHER",
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }
    server = scope.get("server")
    if server is not None:
        attributes["server.address"] = server[0]
        if server[1] is not None:
            attributes["server.port"] = server[1]
    return method if known else "HTTP", attributes


def _trace_context(headers: Headers) -> Mapping[str, str]:
    found = {}
    # Two of them are none, by the specification of W3C; a list of states may be in several.
    if len(parents := headers.getlist("traceparent")) == 1:
        found["traceparent"] = parents[0]
    if states := headers.getlist("tracestate"):
        found["tracestate"] = ",".join(states)
    return found
