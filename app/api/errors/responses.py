"""An error and the path it happened on, as the response that the path's clients expect."""

import math

from fastapi.responses import JSONResponse
from starlette.types import Scope

from app.api.errors.assemblyai import assemblyai_error, assemblyai_status
from app.api.errors.deepgram import deepgram_error, deepgram_status
from app.api.errors.native import RouteError, error_detail
from app.api.errors.openai import OpenAIErrorBody, openai_error, openai_status
from app.api.paths import route_path
from app.contract.errors import ErrorBody
from app.errors import (
    AuthenticationError,
    DeadlineExceededError,
    EncodingError,
    NordlydError,
    OverloadedError,
    QuotaExceededError,
    UnavailableError,
)

_DEEPGRAM_PATH = "/v1/listen"
_OPENAI_PATHS = "/v1/"
_ASSEMBLYAI_PATHS = "/v2/"
# For errors that do not know when a retry will succeed.
_RETRY_SECONDS = 5.0


def error_response(error: NordlydError, scope: Scope) -> JSONResponse:
    """Returns the response for an error of a request, whose log line gets the error's code."""
    state = scope.setdefault("state", {})
    state["error_code"] = error.code
    return render_error(error, route_path(scope), state.get("request_id", ""))


def render_error(error: NordlydError, path: str, request_id: str) -> JSONResponse:
    """Returns the response for an error, with the headers that HTTP and clients' retries need.

    Args:
        error: what went wrong.
        path: of the request, below a proxy's prefix; empty where it is not known.
        request_id: of the request.
    """
    headers = _headers(error)
    if path == _DEEPGRAM_PATH:
        headers["dg-request-id"] = request_id
        body = deepgram_error(error, request_id).model_dump()
        return JSONResponse(body, deepgram_status(error), headers)
    if path.startswith(_OPENAI_PATHS):
        body = OpenAIErrorBody(error=openai_error(error)).model_dump()
        return JSONResponse(body, openai_status(error), headers)
    if path.startswith(_ASSEMBLYAI_PATHS):
        return JSONResponse(assemblyai_error(error).model_dump(), assemblyai_status(error), headers)
    body = ErrorBody(error=error_detail(error)).model_dump()
    return JSONResponse(body, error.status, headers)


def _headers(error: NordlydError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if isinstance(error, RouteError):
        headers.update(error.headers)
    if isinstance(error, AuthenticationError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, QuotaExceededError):
        headers.update(error.headers)
    if isinstance(error, OverloadedError | UnavailableError):
        seconds = _RETRY_SECONDS if error.retry_after is None else error.retry_after
        headers["retry-after"] = str(max(1, math.ceil(seconds)))
        # OpenAI's clients go by this first, and by the status where x-should-retry is not given.
        headers["retry-after-ms"] = str(max(1, math.ceil(seconds * 1000)))
    if isinstance(error, DeadlineExceededError | EncodingError):
        headers["x-should-retry"] = "false"
    return headers
