"""Deepgram's form of an error: {"err_code", "err_msg", "request_id"}, and our `error` beside it.

Statuses and codes are those of https://developers.deepgram.com/docs/errors. Where clients are
known to search a message for a phrase of Deepgram's, the message begins with that phrase.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from app import errors
from app.api.errors.native import RouteError, error_detail
from app.contract.errors import ErrorDetail


class DeepgramErrorBody(BaseModel):
    """Every error of Deepgram's routes."""

    err_code: str = Field(examples=["Bad Request"])
    err_msg: str = Field(description="For a person: what was wrong and what is accepted.")
    request_id: str
    error: ErrorDetail = Field(description="The same error in the form of the native routes.")


@dataclass(frozen=True, slots=True)
class _Row:
    """How one class of errors is answered.

    Attributes:
        status: the HTTP status; None for the error's own.
        code: Deepgram's `err_code`; None for the reason phrase of the status.
        phrase: what the message begins with.
    """

    status: int | None
    code: str | None = None
    phrase: str = ""


_CORRUPT = "Bad Request: failed to process audio: corrupt or unsupported data. "
_NO_MODEL = "Bad Request: No such model/language/tier combination found. "

TABLE: Mapping[type[errors.NordlydError], _Row] = {
    errors.NordlydError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.ConfigurationError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.CheckpointError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.EncodingError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.BlobNotFoundError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.JobDamagedError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.LanguageModelError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.ProfilerUnavailableError: _Row(500, "INTERNAL_SERVER_ERROR"),
    errors.InvalidRequestError: _Row(400),
    errors.AudioError: _Row(400, phrase=_CORRUPT),
    errors.MediaCrashedError: _Row(400, phrase=_CORRUPT),
    errors.UnsupportedAudioError: _Row(400, phrase=_CORRUPT),
    errors.ContentEncodingError: _Row(400),
    errors.UnknownModelError: _Row(400, phrase=_NO_MODEL),
    errors.UnknownLanguageError: _Row(400, phrase=_NO_MODEL),
    errors.UrlRefusedError: _Row(400, "REMOTE_CONTENT_ERROR"),
    errors.UrlFetchError: _Row(400, "REMOTE_CONTENT_ERROR"),
    errors.ModelLoadError: _Row(400),
    errors.ModelConflictError: _Row(400),
    errors.JobNotFoundError: _Row(400),
    errors.SpeakerNotFoundError: _Row(400),
    errors.JobNotCompletedError: _Row(400),
    errors.CorrectionNotKeptError: _Row(400),
    errors.ResultChangedError: _Row(400),
    errors.IdempotencyConflictError: _Row(400),
    errors.ModelLoadError: _Row(400),
    errors.ModelConflictError: _Row(400),
    errors.AuthenticationError: _Row(401, "INVALID_AUTH"),
    errors.PermissionDeniedError: _Row(403, "INSUFFICIENT_PERMISSIONS"),
    errors.OriginRefusedError: _Row(403, "INSUFFICIENT_PERMISSIONS"),
    errors.StreamIdleError: _Row(408),
    errors.TooLargeError: _Row(413, "PAYLOAD_TOO_LARGE"),
    # Deepgram's answer to an upload that is too slow.
    errors.RequestTimeoutError: _Row(422, "ASR_UNPROCESSABLE_ENTITY"),
    errors.OverloadedError: _Row(429, "TOO_MANY_REQUESTS"),
    errors.QuotaExceededError: _Row(429, "TOO_MANY_REQUESTS"),
    errors.HeadTooLargeError: _Row(431),
    errors.ClientDisconnectedError: _Row(499, "Client Closed Request"),
    errors.InsufficientStorageError: _Row(503),
    errors.UnavailableError: _Row(503),
    errors.JobsUnavailableError: _Row(503),
    errors.DeadlineExceededError: _Row(504),
    RouteError: _Row(None),
}
"""How each class of errors is answered; a class without a row has that of its nearest base.

No error is Deepgram's 402: nothing is paid for here.
"""

DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"model": DeepgramErrorBody, "description": description}
    for status, description in {
        400: "A parameter is wrong, no such model is loaded, or the body is not audio.",
        401: "No API key, or a wrong one.",
        403: "The API key does not have the scope for this.",
        413: "The upload or the audio is over the limit.",
        422: "The upload was too slow.",
        429: "The queue, or the space for audio, is full; Retry-After gives the time of a retry.",
        503: "Loading, draining, or without room for the recording.",
        504: "The request's own deadline passed.",
    }.items()
}
"""The errors of Deepgram's routes, for the OpenAPI page."""


def deepgram_status(error: errors.NordlydError) -> int:
    """Returns the HTTP status of an error on Deepgram's routes."""
    status = _row(error).status
    return error.status if status is None else status


def deepgram_error(error: errors.NordlydError, request_id: str) -> DeepgramErrorBody:
    """Returns an error in Deepgram's form."""
    row = _row(error)
    return DeepgramErrorBody(
        err_code=row.code or HTTPStatus(deepgram_status(error)).phrase,
        err_msg=row.phrase + error.message,
        request_id=request_id,
        error=error_detail(error),
    )


def _row(error: errors.NordlydError) -> _Row:
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
