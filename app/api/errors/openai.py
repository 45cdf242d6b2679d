"""OpenAI's form of an error: {"error": {"message", "type", "param", "code"}} with its own values.

Statuses, types and codes are those that api.openai.com sends, which is what users of its clients
catch: junk audio is a 400 (`BadRequestError`) with `invalid_value`, a body over the limit a 413 of
type `server_error` without a code. Where OpenAI has no code for a case, the code is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from app import errors
from app.api.errors.native import RouteError


class OpenAIErrorDetail(BaseModel):
    """What was wrong, in OpenAI's terms."""

    message: str = Field(description="For a person: what was wrong and what is accepted.")
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(description="The field at fault, where there is one.")
    code: str | None = Field(description="For a program.", examples=["invalid_value"])


class OpenAIErrorBody(BaseModel):
    """Every error of OpenAI's routes."""

    error: OpenAIErrorDetail


@dataclass(frozen=True, slots=True)
class _Row:
    """How one class of errors is answered.

    Attributes:
        status: the HTTP status; None for the error's own.
        type: OpenAI's type.
        code: OpenAI's code; `OURS` for the error's own.
        param: the field at fault where the error names none.
    """

    status: int | None
    type: str
    code: str | None
    param: str | None = None


OURS = "*"
"""Stands for an error's own code."""

_INVALID = "invalid_request_error"
_SERVER = "server_error"
_UNAVAILABLE = "service_unavailable_error"

TABLE: Mapping[type[errors.NordlydError], _Row] = {
    errors.NordlydError: _Row(500, _SERVER, OURS),
    errors.ConfigurationError: _Row(500, _SERVER, OURS),
    errors.CheckpointError: _Row(500, _SERVER, OURS),
    errors.EncodingError: _Row(500, _SERVER, OURS),
    errors.BlobNotFoundError: _Row(500, _SERVER, OURS),
    errors.JobDamagedError: _Row(500, _SERVER, OURS),
    errors.LanguageModelError: _Row(500, _SERVER, OURS),
    errors.ProfilerUnavailableError: _Row(500, _SERVER, OURS),
    errors.InvalidRequestError: _Row(400, _INVALID, "invalid_value"),
    errors.AudioError: _Row(400, _INVALID, "invalid_value", "file"),
    errors.MediaCrashedError: _Row(400, _INVALID, "invalid_value", "file"),
    errors.UnsupportedAudioError: _Row(400, _INVALID, "invalid_value", "file"),
    errors.ContentEncodingError: _Row(400, _INVALID, "invalid_value"),
    errors.UrlRefusedError: _Row(400, _INVALID, "invalid_value"),
    errors.UrlFetchError: _Row(400, _INVALID, "invalid_value"),
    errors.UnknownLanguageError: _Row(400, _INVALID, "invalid_value", "language"),
    errors.ModelLoadError: _Row(400, _INVALID, OURS),
    errors.ModelConflictError: _Row(400, _INVALID, OURS),
    errors.JobNotCompletedError: _Row(400, _INVALID, OURS),
    errors.CorrectionNotKeptError: _Row(400, _INVALID, OURS),
    errors.ResultChangedError: _Row(400, _INVALID, OURS),
    errors.IdempotencyConflictError: _Row(400, _INVALID, OURS),
    errors.ModelLoadError: _Row(400, _INVALID, OURS),
    errors.ModelConflictError: _Row(400, _INVALID, OURS),
    errors.AuthenticationError: _Row(401, _INVALID, "invalid_api_key"),
    errors.PermissionDeniedError: _Row(403, _INVALID, OURS),
    errors.OriginRefusedError: _Row(403, "request_forbidden", OURS),
    errors.UnknownModelError: _Row(404, _INVALID, "model_not_found", "model"),
    errors.JobNotFoundError: _Row(404, _INVALID, OURS),
    errors.SpeakerNotFoundError: _Row(404, _INVALID, OURS),
    errors.RequestTimeoutError: _Row(408, _INVALID, OURS),
    errors.StreamIdleError: _Row(408, _INVALID, OURS),
    errors.TooLargeError: _Row(413, _SERVER, None),
    errors.OverloadedError: _Row(429, "rate_limit_error", "rate_limit_exceeded"),
    errors.QuotaExceededError: _Row(429, "rate_limit_error", "rate_limit_exceeded"),
    errors.HeadTooLargeError: _Row(431, _INVALID, OURS),
    errors.ClientDisconnectedError: _Row(499, _INVALID, OURS),
    errors.InsufficientStorageError: _Row(503, _UNAVAILABLE, OURS),
    errors.UnavailableError: _Row(503, _UNAVAILABLE, OURS),
    errors.JobsUnavailableError: _Row(503, _UNAVAILABLE, OURS),
    errors.DeadlineExceededError: _Row(504, _SERVER, OURS),
    RouteError: _Row(None, _INVALID, OURS),
}
"""How each class of errors is answered; a class without a row has that of its nearest base."""

_ROUTE_CODES = {404: "unknown_url", 405: "method_not_supported"}

DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"model": OpenAIErrorBody, "description": description}
    for status, description in {
        400: "A field or the form is wrong, or the file is not audio.",
        401: "No API key, or a wrong one.",
        403: "The API key does not have the scope for this.",
        404: "No such model is loaded.",
        413: "The upload or the audio is over the limit.",
        429: "The queue, or the space for audio, is full; Retry-After gives the time of a retry.",
        503: "Loading, draining, or without room for the recording.",
        504: "The request's own deadline passed.",
    }.items()
}
"""The errors of OpenAI's routes, for the OpenAPI page."""


def openai_status(error: errors.NordlydError) -> int:
    """Returns the HTTP status of an error on OpenAI's routes."""
    status = _row(error).status
    return error.status if status is None else status


def openai_error(error: errors.NordlydError) -> OpenAIErrorDetail:
    """Returns an error in OpenAI's form."""
    row = _row(error)
    code = error.code if row.code == OURS else row.code
    if isinstance(error, RouteError):
        code = _ROUTE_CODES.get(error.status, code)
    return OpenAIErrorDetail(
        message=error.message, type=row.type, param=error.param or row.param, code=code
    )


def _row(error: errors.NordlydError) -> _Row:
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
