"""Exceptions of routes and of the framework, turned into error responses."""

from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from app.api.errors.native import RouteError
from app.api.errors.responses import error_response
from app.errors import ClientDisconnectedError, InvalidRequestError, NordlydError

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def describe_invalid(errors: Sequence[Mapping[str, object]]) -> InvalidRequestError:
    """Returns one error for pydantic's list of them; `param` is the first field at fault."""
    fields: list[str] = []
    reasons: list[str] = []
    for error in errors:
        location = error.get("loc", ())
        parts = [str(part) for part in location] if isinstance(location, tuple | list) else []
        field = ".".join(parts[1:] or parts) or "body"
        fields.append(field)
        reasons.append(f"{field}: {error.get('msg', 'not valid')}")
    return InvalidRequestError(
        "; ".join(reasons) or "The request is not valid.", param=fields[0] if fields else None
    )


def install_error_handlers(app: FastAPI) -> None:
    """Registers a handler for every exception that a route or the framework raises on purpose.

    Unexpected exceptions are left to the middleware, which knows the request id and the log.
    """

    @app.exception_handler(NordlydError)
    async def service_error(request: Request, error: NordlydError) -> JSONResponse:
        return error_response(error, request.scope)

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        return error_response(describe_invalid(error.errors()), request.scope)

    @app.exception_handler(ClientDisconnect)
    async def disconnected(request: Request, error: ClientDisconnect) -> JSONResponse:  # noqa: ARG001
        message = "The client closed the connection while it sent the body."
        return error_response(ClientDisconnectedError(message), request.scope)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        # The framework wraps exceptions of reading a body, such as the upload limit's.
        if isinstance(error.__cause__, NordlydError):
            return error_response(error.__cause__, request.scope)
        return error_response(_route_error(request, error), request.scope)


def _route_error(request: Request, error: HTTPException) -> RouteError:
    method, path = request.method, request.url.path
    match error.status_code:
        case 404:
            message = f"There is no {path} here; /docs lists what there is."
        case 405:
            allowed = ", ".join(_allowed_methods(request))
            message = f"{path} does not accept {method}; accepted: {allowed}."
            return RouteError(message, status=405, headers={"Allow": allowed})
        case _:
            message = str(error.detail)
    return RouteError(message, status=error.status_code, headers=error.headers)


def _allowed_methods(request: Request) -> list[str]:
    """Returns the methods of all routes with the path; the framework names those of the first."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
