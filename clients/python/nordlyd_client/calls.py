"""One call of the API as a value: the request, and the reader of its answer.

Nothing here touches the network, so both clients share all of it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_args

import httpx
from pydantic import TypeAdapter

from nordlyd_client.contract.formats import BinaryFileFormat, ResponseFormat, TextFileFormat
from nordlyd_client.errors import (
    ClientError,
    InvalidRequestError,
    TimedOutError,
    UnreachableError,
    error_of,
)
from nordlyd_client.options import as_fields
from nordlyd_client.uploads import Audio, Upload
from nordlyd_client.values import (
    ALIGNMENT,
    HEALTH,
    TRANSCRIPTION,
    Alignment,
    Health,
    Transcription,
    read_value,
)

TextFormat: TypeAlias = Literal["json", TextFileFormat]

DEFAULT_SERVER = "http://127.0.0.1:8000"
SERVER_VARIABLE = "NORDLYD_SERVER"
KEY_VARIABLE = "NORDLYD_API_KEY"

_T = TypeVar("_T")
# These may be long, so they go in the form; the others go in the query, which the server checks
# before it reads the recording.
_IN_FORM = frozenset({"hotwords", "metadata", "text"})


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is; `key` is its API key, where it requires one."""

    url: str
    key: str | None = field(repr=False)

    @classmethod
    def of(cls, url: str | None, key: str | None) -> "Server":
        """Fills in defaults from NORDLYD_SERVER and NORDLYD_API_KEY.

        Raises:
            InvalidRequestError: the address is not valid.
        """
        url = (url or os.environ.get(SERVER_VARIABLE) or DEFAULT_SERVER).rstrip("/")
        try:
            parsed = httpx.URL(url)
            good = parsed.scheme in {"http", "https"} and bool(parsed.host)
        except httpx.InvalidURL:
            good = False
        if not good:
            raise InvalidRequestError(
                f"The server is {url!r}; accepted: an address such as {DEFAULT_SERVER}.",
                param="server",
            )
        return cls(url, key or os.environ.get(KEY_VARIABLE) or None)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {} if self.key is None else {"authorization": f"Bearer {self.key}"}


@dataclass(frozen=True, slots=True)
class Call(Generic[_T]):
    """One request and the reader of its answer.

    `again` is whether it may be tried again; `content` is a body without a form.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], _T]
    fields: Mapping[str, str] = field(default_factory=dict)
    audio: Audio | None = None
    again: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    def build(self, http: httpx.Client | httpx.AsyncClient, upload: Upload | None) -> httpx.Request:
        """Returns the request, with the recording from its beginning."""
        query = {name: value for name, value in self.fields.items() if name not in _IN_FORM}
        form = {name: value for name, value in self.fields.items() if name in _IN_FORM}
        files = {"file": (upload.name, upload.file)} if upload else None
        return http.build_request(
            self.method,
            self.path,
            params=query,
            data=form or None,
            files=files,
            content=self.content,
            headers=self.headers,
        )

    def answer(self, response: httpx.Response) -> _T:
        """Reads the answer.

        Raises:
            ClientError: it is an error, or not what Nordlyd sends.
        """
        if not response.is_success:
            raise error_of(response.status_code, response.headers, response.text)
        return self.read(response)


def transcribe_call(
    audio: Audio | None, response_format: ResponseFormat | None, options: Mapping[str, Any]
) -> Call[Transcription | str | bytes]:
    """POST /transcribe: a `Transcription`, or the file of a format where one is given."""
    fields = as_fields({**options, "response_format": response_format})
    read: Callable[[httpx.Response], Transcription] = value_reader(TRANSCRIPTION)
    if response_format is None:
        return Call("POST", "/transcribe", read, fields, audio)
    return Call("POST", "/transcribe", file_reader(response_format), fields, audio)


def align_call(audio: Audio, text: str, options: Mapping[str, Any]) -> Call[Alignment]:
    """POST /align."""
    return Call(
        "POST", "/align", value_reader(ALIGNMENT), as_fields({**options, "text": text}), audio
    )


def health_call() -> Call[Health]:
    """GET /health."""
    return Call("GET", "/health", value_reader(HEALTH))


def ready_call() -> Call[None]:
    """GET /health/ready: fails with a `BusyError` while it is not."""
    return Call("GET", "/health/ready", lambda _: None, again=False)


def is_ready(error: ClientError) -> bool:
    """Returns False where the server is not ready; raises every other error."""
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return False
    raise error


@contextmanager
def translated(server: Server) -> Iterator[None]:
    """Turns the exceptions of the HTTP library into those of this package."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise UnreachableError(f"{server.url} does not answer.") from error
    except httpx.TimeoutException as error:
        raise TimedOutError(f"{server.url} sent nothing for too long.") from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise UnreachableError(f"{server.url} cannot be reached: {reason}.") from error


def value_reader(kind: TypeAdapter[_T]) -> Callable[[httpx.Response], _T]:
    """Returns the reader of an answer with one of our values as JSON."""

    def read(response: httpx.Response) -> _T:
        return read_value(kind, response.text, request_id=response.headers.get("x-request-id"))

    return read


def file_reader(response_format: ResponseFormat) -> Callable[[httpx.Response], str | bytes]:
    """Returns the reader of an answer in a format: its text, or its bytes where it is no text."""
    if response_format in get_args(BinaryFileFormat):
        return lambda response: response.content
    return lambda response: response.text
