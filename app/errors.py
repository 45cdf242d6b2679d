"""The exception family of the service, and the one table that maps it to HTTP statuses.

Every message says what was wrong and what is accepted; it is shown to the caller as it is.
"""


class NordlydError(Exception):
    """Anything the service says no to, with a machine-readable code.

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


class ConfigurationError(NordlydError):
    """A setting or a model folder that cannot work; stops the start with one line."""

    code = "configuration_error"


class CheckpointError(ConfigurationError):
    """A folder that is not a usable CTC checkpoint; the message names what differs."""

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
    """The process that read the recording died of it, hung, or took too much memory."""

    code = "media_crashed"


class UnsupportedAudioError(AudioError):
    """The bytes are in no audio format that is accepted."""

    status = 415
    code = "unsupported_audio"


class TooLargeError(InvalidRequestError):
    """The upload, or the audio in it once decoded, is over the limit."""

    status = 413
    code = "too_large"


class HeadTooLargeError(InvalidRequestError):
    """The line and the headers of a request are over the limit."""

    status = 431
    code = "header_too_large"


class RequestTimeoutError(NordlydError):
    """The request did not come within its time."""

    status = 408
    type = "timeout_error"
    code = "request_timeout"


class UrlRefusedError(InvalidRequestError):
    """The service does not fetch from that URL."""

    code = "url_not_allowed"


class UrlFetchError(InvalidRequestError):
    """The service may fetch from that URL and could not."""

    status = 422
    code = "url_failed"


class AuthenticationError(NordlydError):
    """No API key, or a wrong one."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class OriginRefusedError(NordlydError):
    """The request is for another host, or comes from another site's web page."""

    status = 403
    type = "permission_error"
    code = "origin_not_allowed"


class ContentEncodingError(InvalidRequestError):
    """The body is compressed in a way that is not accepted."""

    status = 415
    code = "unsupported_encoding"


class UnknownModelError(InvalidRequestError):
    """No loaded model has that id, or none serves that language."""

    status = 404
    code = "model_not_found"


class OverloadedError(NordlydError):
    """The queue is full.

    Args:
        message: what a person reads.
        retry_after: seconds until the queue is expected to have room, from measured speed.
    """

    status = 429
    type = "rate_limit_error"
    code = "queue_full"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InsufficientStorageError(NordlydError):
    """The disk, or what the service may use of it, has no room for the recording."""

    status = 507
    code = "insufficient_storage"


class UnavailableError(NordlydError):
    """Not loaded yet, draining, or the device stopped answering.

    Args:
        message: what a person reads.
        code: `loading`, `draining`, `hung` or `failed`, where that is known.
        retry_after: seconds after which asking again makes sense, where that is known.
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


class ClientDisconnectedError(NordlydError):
    """The client hung up; nobody reads this answer, the access log shows its status."""

    status = 499
    type = "invalid_request_error"
    code = "client_disconnected"


class DeadlineExceededError(NordlydError):
    """The client's own deadline passed before the answer was ready."""

    status = 504
    type = "timeout_error"
    code = "deadline_exceeded"


class StreamIdleError(NordlydError):
    """No audio has come for so long that the live stream was ended."""

    status = 408
    type = "timeout_error"
    code = "stream_idle"


class EncodingError(NordlydError):
    """The model failed on this audio alone; other requests are not affected."""

    code = "encoding_failed"
