"""ASGI middleware that refuses requests the service has no time for, before they are routed."""

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.auth import caller_of
from app.api.errors import error_response
from app.api.paths import route_path
from app.api.websocket_logging import note_route
from app.errors import OverloadedError
from app.pipeline import Service

TIMEOUT_HEADER = "x-request-timeout"

_PATHS = frozenset({"/transcribe", "/align", "/v1/audio/transcriptions", "/v1/listen"})
# In the query: a limit of the request's own, and a recording that becomes a job.
_DECIDED_BY_ROUTE = (b"timeout", b"callback")


class OverloadGate:
    """Refuses a recording without a timeout of its own where its answer would take too long.

    Under overload most requests are refused, and what they cost is taken from the others. A route
    decides the same, but later: after the framework's routing and the request's options.

    Args:
        app: the next application.
        service: admits requests.
    """

    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "http" and scope["method"] == "POST":
            try:
                self._check(scope)
            except OverloadedError as error:
                note_route(scope, route_path(scope))
                await error_response(error, scope)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        query = scope.get("query_string", b"")
        if route_path(scope) not in _PATHS or any(name in query for name in _DECIDED_BY_ROUTE):
            return
        headers = Headers(scope=scope)
        if TIMEOUT_HEADER in headers or not self.service.readiness.ready:
            return
        with self.service.workload.open(caller_of(HTTPConnection(scope))) as work:
            work.expect(declared_size(headers))
            self.service.admission.refuse_at_once(work)


def declared_size(headers: Headers) -> int:
    """Returns the bytes of a body by its head; 0 where they are not known."""
    declared = headers.get("content-length", "")
    return int(declared) if declared.isdigit() and "content-encoding" not in headers else 0
