"""Any failure in, the one error form out: {"error": {"message", "type", "param", "code"}}."""

import math
from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.contract.errors import ErrorBody, ErrorDetail
from app.errors import (
    AuthenticationError,
    ClientDisconnectedError,
    DeadlineExceededError,
    EncodingError,
    InvalidRequestError,
    NordlydError,
    OverloadedError,
    UnavailableError,
)

# Where it is not known when asking again makes sense.
_RETRY_SECONDS = 5.0
_CODES = {404: "not_found", 405: "method_not_allowed"}


class RouteError(InvalidRequestError):
    """No such path, or not with that method.

    Args:
        message: what a person reads.
        status: the HTTP status.
        headers: what HTTP demands with it, as `Allow` with a 405.
    """

    def __init__(
        self, message: str, *, status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = _CODES.get(status, InvalidRequestError.code)
        self.headers = dict(headers or {})


def internal_error(request_id: str) -> NordlydError:
    """What the caller reads of a failure nobody foresaw: where to look, and no more."""
    return NordlydError(
        f"Something went wrong inside the service; its log says what, under request id "
        f"{request_id}."
    )


def error_detail(error: NordlydError) -> ErrorDetail:
    """What every protocol tells of an error."""
    return ErrorDetail(message=error.message, type=error.type, param=error.param, code=error.code)


def error_response(error: NordlydError) -> JSONResponse:
    """Render an error, with the headers HTTP and the clients' retry logic expect."""
    headers: dict[str, str] = {}
    if isinstance(error, RouteError):
        headers.update(error.headers)
    if isinstance(error, AuthenticationError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, OverloadedError | UnavailableError):
        seconds = _RETRY_SECONDS if error.retry_after is None else error.retry_after
        headers["retry-after"] = str(max(1, math.ceil(seconds)))
        # OpenAI's clients go by this first, and by the status where the third does not say it.
        headers["retry-after-ms"] = str(max(1, math.ceil(seconds * 1000)))
    if isinstance(error, DeadlineExceededError | EncodingError):
        headers["x-should-retry"] = "false"
    body = ErrorBody(error=error_detail(error))
    return JSONResponse(body.model_dump(), status_code=error.status, headers=headers)


def describe_invalid(errors: Sequence[Mapping[str, object]]) -> InvalidRequestError:
    """Turn pydantic's list of errors into one message; `param` is the first field at fault."""
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
    """Make every error that a route or the framework raises leave in the one form.

    A failure nobody foresaw is left to the middleware, which knows the request id and the log.
    """

    def answer(request: Request, error: NordlydError) -> JSONResponse:
        request.scope.setdefault("state", {})["error_code"] = error.code
        return error_response(error)

    @app.exception_handler(NordlydError)
    async def ours(request: Request, error: NordlydError) -> JSONResponse:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(request, describe_invalid(error.errors()))

    @app.exception_handler(ClientDisconnect)
    async def disconnected(request: Request, error: ClientDisconnect) -> JSONResponse:  # noqa: ARG001
        return answer(
            request, ClientDisconnectedError("The client hung up while it sent the body.")
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        # The framework wraps what reading a body raised, such as our upload limit.
        if isinstance(error.__cause__, NordlydError):
            return answer(request, error.__cause__)
        method, path = request.method, request.url.path
        match error.status_code:
            case 404:
                message = f"There is no {path} here; /docs lists what there is."
            case 405:
                allowed = (error.headers or {}).get("Allow", "other methods")
                message = f"{path} does not accept {method}; accepted: {allowed}."
            case _:
                message = str(error.detail)
        return answer(request, RouteError(message, status=error.status_code, headers=error.headers))
