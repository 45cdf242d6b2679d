"""The service's own form of an error: {"error": {"message", "type", "param", "code"}}."""

from collections.abc import Iterator, Mapping

from app.contract.errors import ErrorDetail
from app.errors import InvalidRequestError, NordlydError, OverloadedError, UnavailableError

_CODES = {404: "not_found", 405: "method_not_allowed"}


class RouteError(InvalidRequestError):
    """No route has that path, or none has it with that method.

    Args:
        message: for a person.
        status: the HTTP status.
        headers: required by HTTP with this status, as `Allow` with a 405.
    """

    def __init__(
        self, message: str, *, status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = _CODES.get(status, InvalidRequestError.code)
        self.headers = dict(headers or {})


def internal_error(request_id: str) -> NordlydError:
    """Returns the error for an unexpected exception, of which the client learns only the id."""
    return NordlydError(
        f"Something went wrong inside the service; its log has the cause, under request id "
        f"{request_id}."
    )


def error_detail(error: NordlydError) -> ErrorDetail:
    """Returns the four fields of an error in the native form."""
    return ErrorDetail(message=error.message, type=error.type, param=error.param, code=error.code)


def error_of_detail(detail: ErrorDetail) -> NordlydError:
    """Returns the error that `error_detail` described, such as that of a job that failed.

    Its class, and with it its status, is the one with the same code.
    """
    # These need more than a description, and none is a reason to fail for good.
    temporary = (OverloadedError, UnavailableError)
    kind = next(
        (
            kind
            for kind in _kinds(NordlydError)
            if kind.code == detail.code and not issubclass(kind, temporary)
        ),
        NordlydError,
    )
    return kind(detail.message, param=detail.param)


def _kinds(base: type[NordlydError]) -> Iterator[type[NordlydError]]:
    yield base
    for kind in base.__subclasses__():
        if kind is not RouteError:
            yield from _kinds(kind)
