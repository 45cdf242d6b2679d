"""The exceptions of the client, and their construction from a server's answers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from pydantic_core import from_json

_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_UNKNOWN_KEY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_SHOWN = 200


class ClientError(Exception):
    """A call that did not succeed; the base of every exception of this package.

    Args:
        message: what was wrong and what is accepted, in English.
        param: the field at fault, where there is one.
        type: the kind of failure, as the server names it.
        code: a short identifier of the failure, for programs.
        status: the HTTP status; 0 where no answer came.
        request_id: under which the server logged the request, where it sent one.
        retry_after: seconds to wait before the next attempt, where the server sent them.
    """

    status = 0
    type = "client_error"
    code = "client_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        type: str | None = None,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.type = type or self.type
        self.code = code or self.code
        self.status = self.status if status is None else status
        self.request_id = request_id
        self.retry_after = retry_after


class UnreachableError(ClientError):
    """There is no server at that address, or the connection broke."""

    type = "connection_error"
    code = "unreachable"


class TimedOutError(ClientError):
    """The server sent nothing for too long."""

    type = "timeout_error"
    code = "timed_out"


class UnexpectedAnswerError(ClientError):
    """The answer is not one of Nordlyd's; it may be that of a proxy."""

    code = "unexpected_answer"


class RefusedError(ClientError):
    """The request or its audio is wrong: trying again would not help."""

    type = "invalid_request_error"
    code = "invalid_request"


class InvalidRequestError(RefusedError):
    """An argument is wrong; nothing was sent."""

    status = 400


class UnreadableError(InvalidRequestError):
    """A recording cannot be opened or read."""

    status = 422
    code = "invalid_audio"


class ConfigurationError(ClientError):
    """Something that a command needs is not installed on this machine."""

    status = 500
    type = "server_error"
    code = "configuration_error"


class UnauthorisedError(RefusedError):
    """No API key, or one the server does not know."""

    type = "authentication_error"
    code = "invalid_api_key"


class BusyError(ClientError):
    """The server accepts no work now: its queue is full, or it is loading or draining."""

    type = "service_unavailable"
    code = "unavailable"


class ServerFailedError(ClientError):
    """Something went wrong inside the server."""

    type = "server_error"
    code = "internal_error"


def error_of(status: int, headers: Mapping[str, str], text: str) -> ClientError:
    """Returns the exception of an answer with an error status.

    Args:
        status: the HTTP status.
        headers: of the answer, with names in lower case.
        text: its body.
    """
    detail = _detail(text)
    message = detail.get("message") or _outline(status, text)
    return _class_of(status)(
        message,
        param=detail.get("param"),
        type=detail.get("type"),
        code=detail.get("code"),
        status=status,
        request_id=headers.get("x-request-id"),
        retry_after=_retry_after(headers),
    )


def error_of_event(error: Mapping[str, object], *, busy: bool) -> ClientError:
    """Returns the exception of an `error` event of a live stream.

    Args:
        error: its message, type, param and code.
        busy: whether the server requests a later retry.
    """
    detail = {name: str(value) for name, value in error.items() if value is not None}
    kinds: dict[str, type[ClientError]] = {
        RefusedError.type: RefusedError,
        UnauthorisedError.type: UnauthorisedError,
        BusyError.type: BusyError,
        "rate_limit_error": BusyError,
    }
    kind = BusyError if busy else kinds.get(detail.get("type", ""), ServerFailedError)
    return kind(
        detail.get("message", "The stream failed."),
        param=detail.get("param"),
        type=detail.get("type"),
        code=detail.get("code"),
    )


def _class_of(status: int) -> type[ClientError]:
    if status in _BUSY:
        return BusyError
    if status in _UNKNOWN_KEY:
        return UnauthorisedError
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return TimedOutError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFailedError
    return RefusedError if status >= HTTPStatus.BAD_REQUEST else UnexpectedAnswerError


def _detail(text: str) -> dict[str, str]:
    try:
        error = from_json(text)["error"]
        return {name: str(value) for name, value in error.items() if value is not None}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _outline(status: int, text: str) -> str:
    """Returns the message for a body that is no error of ours, such as that of a proxy."""
    shown = " ".join(text.split())[:_SHOWN]
    return f"The server answered {status}" + (f": {shown}" if shown else ".")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds of `Retry-After`, a number or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
