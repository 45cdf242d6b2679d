"""The exceptions of the service, each with its HTTP status, type and code.

A message states what was wrong and what is accepted, and reaches the client unchanged. The tables
in `app/api/errors/` map these exceptions to the forms of OpenAI and Deepgram.
"""

from collections.abc import Mapping
from typing import Any


class NordlydError(Exception):
    """Base of every error that a client or an operator may see.

    Attributes:
        status: the HTTP status on the native routes.
        type: the kind of error, of which there are few.
        code: the error itself, for a program.

    Args:
        message: what was wrong and what is accepted, for a person.
        param: the request field or setting at fault, where there is one.
    """

    status = 500
    type = "server_error"
    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with `args`, which lacks what it takes by keyword.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    kind: type[NordlydError], args: tuple[Any, ...], state: dict[str, Any]
) -> NordlydError:
    """Returns an error that another process pickled."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(NordlydError):
    """A setting or a model folder is unusable; the process exits with this message."""

    code = "configuration_error"


class CheckpointError(ConfigurationError):
    """A folder is not a usable CTC checkpoint; the message names what differs."""

    code = "checkpoint_error"


class InvalidRequestError(NordlydError):
    """The request is malformed."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class AudioError(InvalidRequestError):
    """The audio cannot be transcribed: empty, truncated, not audio, no audio track."""

    code = "invalid_audio"
    status = 422


class MediaCrashedError(AudioError):
    """The process that decoded the recording crashed, hung or took too much memory."""

    code = "media_crashed"


class UnsupportedAudioError(AudioError):
    """The bytes are not in an accepted audio format."""

    status = 415
    code = "unsupported_audio"


class TooLargeError(InvalidRequestError):
    """The upload, or its decoded audio, exceeds the limit."""

    status = 413
    code = "too_large"


class HeadTooLargeError(InvalidRequestError):
    """The request line and the headers exceed the limit."""

    status = 431
    code = "header_too_large"


class RequestTimeoutError(NordlydError):
    """The head or the body of the request did not arrive in time."""

    status = 408
    type = "timeout_error"
    code = "request_timeout"


class UrlRefusedError(InvalidRequestError):
    """The operator does not allow fetching from that URL."""

    code = "url_not_allowed"


class UrlFetchError(InvalidRequestError):
    """Fetching from an allowed URL failed."""

    status = 422
    code = "url_failed"


class AuthenticationError(NordlydError):
    """The API key is missing or wrong."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class PermissionDeniedError(NordlydError):
    """The API key is accepted, and does not have the scope that the request needs."""

    status = 403
    type = "permission_error"
    code = "missing_scope"


class OriginRefusedError(NordlydError):
    """The request names another host, or comes from another site's web page."""

    status = 403
    type = "permission_error"
    code = "origin_not_allowed"


class ContentEncodingError(InvalidRequestError):
    """The body has a content encoding that is not accepted."""

    status = 415
    code = "unsupported_encoding"


class UnknownModelError(InvalidRequestError):
    """No loaded model has the requested id."""

    status = 404
    code = "model_not_found"


class UnknownLanguageError(UnknownModelError):
    """No loaded model serves the requested language."""


class ProfilerUnavailableError(NordlydError):
    """This process cannot be profiled here: py-spy is missing, or the system forbids it."""

    status = 501
    code = "profiler_unavailable"


class LanguageModelError(NordlydError):
    """A language model that the request names cannot be loaded; others are served."""

    code = "language_model_failed"


class ModelLoadError(InvalidRequestError):
    """The model cannot be loaded: its files are missing or unusable, or it does not fit."""

    status = 422
    code = "model_not_loadable"


class ModelConflictError(InvalidRequestError):
    """The change of the models contradicts what is loaded or how the service is configured."""

    status = 409
    code = "model_conflict"


class OverloadedError(NordlydError):
    """The queue, or the space for recordings, is full.

    Args:
        message: for a person.
        retry_after: seconds until there is expected to be room, from measured speed.
    """

    status = 429
    type = "rate_limit_error"
    code = "queue_full"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaExceededError(OverloadedError):
    """The caller's key has used up its quota.

    Args:
        message: for a person.
        retry_after: seconds until it may be used again.
        headers: for the response; describe the quota.
    """

    code = "quota_exceeded"

    def __init__(
        self, message: str, *, retry_after: float, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.headers = dict(headers or {})


class InsufficientStorageError(NordlydError):
    """The disk, or the service's share of it, has no room for the recording."""

    status = 507
    code = "insufficient_storage"


class UnavailableError(NordlydError):
    """The models are not loaded, the service drains, or the device does not answer.

    Args:
        message: for a person.
        code: `loading`, `draining`, `hung` or `failed`, where that is known.
        retry_after: seconds after which a retry may succeed, where that is known.
    """

    status = 503
    type = "service_unavailable"
    code = "unavailable"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.retry_after = retry_after


class JobsUnavailableError(UnavailableError):
    """The database or the storage of jobs cannot be reached; a retry may succeed.

    Args:
        message: for a person.
        retry_after: seconds after which a retry may succeed.
    """

    code = "jobs_unavailable"

    def __init__(self, message: str, *, retry_after: float = 5.0) -> None:
        super().__init__(message, retry_after=retry_after)


class JobNotFoundError(InvalidRequestError):
    """No such job exists: it never did, was erased, or is another caller's."""

    status = 404
    code = "job_not_found"


class SpeakerNotFoundError(InvalidRequestError):
    """No such known speaker exists: it never did, was erased, or is another caller's."""

    status = 404
    code = "speaker_not_found"


class JobNotCompletedError(InvalidRequestError):
    """The job has no result: it has not ended, or was cancelled."""

    status = 409
    code = "job_not_completed"


class CorrectionNotKeptError(InvalidRequestError):
    """A corrected transcript cannot be kept for training; the message says why."""

    status = 409
    code = "correction_not_kept"


class ResultChangedError(InvalidRequestError):
    """The result of the job is another one than the request names by `If-Match`."""

    status = 412
    code = "result_changed"


class JobDamagedError(NordlydError):
    """A file that was kept of a job is damaged or gone; the recording is to be submitted again."""

    code = "job_damaged"


class IdempotencyConflictError(InvalidRequestError):
    """The `Idempotency-Key` was used before, with another request."""

    status = 422
    code = "idempotency_conflict"


class ClientDisconnectedError(NordlydError):
    """The client closed the connection; only the access log shows this status."""

    status = 499
    type = "invalid_request_error"
    code = "client_disconnected"


class DeadlineExceededError(NordlydError):
    """The request's own deadline passed before the answer was ready."""

    status = 504
    type = "timeout_error"
    code = "deadline_exceeded"


class StreamIdleError(NordlydError):
    """A live stream received no audio for too long."""

    status = 408
    type = "timeout_error"
    code = "stream_idle"


class EncodingError(NordlydError):
    """The model failed on this audio; other requests are not affected."""

    code = "encoding_failed"


class BlobNotFoundError(NordlydError):
    """The storage of jobs has no value of that key."""
