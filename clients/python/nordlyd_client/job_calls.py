"""The calls of /jobs as values, and the reader of a job's events."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

import httpx
from pydantic import TypeAdapter, ValidationError

from nordlyd_client.calls import Call, Server, file_reader, value_reader
from nordlyd_client.contract.formats import ResponseFormat
from nordlyd_client.contract.jobs import ENDED, Job, JobEvent, JobPage, JobStatus
from nordlyd_client.contract.webhooks import WebhookDeliveries
from nordlyd_client.errors import (
    ClientError,
    InvalidRequestError,
    TimedOutError,
    UnexpectedAnswerError,
    UnreachableError,
    error_of,
)
from nordlyd_client.options import as_fields
from nordlyd_client.uploads import Audio
from nordlyd_client.values import ALIGNMENT, TRANSCRIPTION, Alignment, Transcription

WAIT_SECONDS = 30.0
"""How long one request waits for the end of a job."""

_JOB = TypeAdapter(Job)
_PAGE = TypeAdapter(JobPage)
_DELIVERIES = TypeAdapter(WebhookDeliveries)
_IDEMPOTENCY_KEY = "idempotency-key"
_CONTENT_TYPES = {
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
}

Corrected: TypeAlias = Transcription | str | Path
"""A corrected transcript: a value, its text, or a file of JSON, text, SubRip or WebVTT."""


def submit_call(
    audio: Audio | None, options: Mapping[str, Any], idempotency_key: str | None
) -> Call[Job]:
    """POST /jobs, with a key by which repeating it makes no second job; at random by default."""
    fields = dict(options)
    if fields.get("metadata") is not None:
        fields["metadata"] = json.dumps(fields["metadata"], ensure_ascii=False)
    headers = {_IDEMPOTENCY_KEY: idempotency_key or uuid.uuid4().hex}
    return Call("POST", "/jobs", value_reader(_JOB), as_fields(fields), audio, headers=headers)


def job_call(job_id: str, wait: float = 0.0) -> Call[Job]:
    """GET /jobs/{id}."""
    fields = as_fields({"wait": wait or None})
    return Call("GET", _path(job_id), value_reader(_JOB), fields)


def list_call(status: JobStatus | None, limit: int | None, after: str | None) -> Call[JobPage]:
    """GET /jobs."""
    fields = as_fields({"status": status, "limit": limit, "after": after})
    return Call("GET", "/jobs", value_reader(_PAGE), fields)


def result_call(job_id: str) -> Call[Transcription | Alignment]:
    """GET /jobs/{id}/result as JSON."""
    fields = {"response_format": "json"}
    return Call("GET", f"{_path(job_id)}/result", _read_result, fields)


def file_result_call(
    job_id: str, response_format: ResponseFormat, options: Mapping[str, Any]
) -> Call[str | bytes]:
    """GET /jobs/{id}/result in a format."""
    fields = as_fields({**options, "response_format": response_format})
    return Call("GET", f"{_path(job_id)}/result", file_reader(response_format), fields)


def correct_call(job_id: str, transcript: Corrected, training: bool | None) -> Call[Job]:
    """PUT /jobs/{id}/result; not tried again, since a correction may have followed it.

    Raises:
        OSError: the file cannot be read.
        InvalidRequestError: its name has none of the endings of corrected transcripts.
    """
    if isinstance(transcript, Path):
        content_type, content = _content_type(transcript), transcript.read_bytes()
    elif isinstance(transcript, str):
        content_type, content = "text/plain; charset=utf-8", transcript.encode()
    else:
        content_type, content = (
            "application/json",
            TRANSCRIPTION.dump_json(transcript, exclude={"body"}),
        )
    return Call(
        "PUT",
        f"{_path(job_id)}/result",
        value_reader(_JOB),
        as_fields({"training": training}),
        again=False,
        headers={"content-type": content_type},
        content=content,
    )


def delete_call(job_id: str) -> Call[None]:
    """DELETE /jobs/{id}."""
    return Call("DELETE", _path(job_id), lambda _: None)


def webhooks_call(job_id: str, *, repeat: bool = False) -> Call[WebhookDeliveries]:
    """GET /jobs/{id}/webhooks, or POST, which repeats them."""
    path = f"{_path(job_id)}/webhooks"
    return Call("POST" if repeat else "GET", path, value_reader(_DELIVERIES))


def events_path(job_id: str) -> str:
    """Returns the path of a job's events."""
    return f"{_path(job_id)}/events"


def not_ended(job: Job, seconds: float) -> ClientError:
    """Returns the error of a job that was waited for in vain."""
    return TimedOutError(f"The job {job.id} is {job.status} after {seconds:g} s of waiting.")


class EventReader:
    """Reads server-sent events (WHATWG, Server-sent events, 9.2) as events of a job.

    Attributes:
        last_id: of the last event that was read; empty before the first one.
    """

    def __init__(self) -> None:
        self.last_id = ""
        self._has_ended = False
        self._data: list[str] = []

    @property
    def headers(self) -> dict[str, str]:
        """The headers with which a broken stream continues."""
        return {"last-event-id": self.last_id} if self.last_id else {}

    def read(self, line: str) -> JobEvent | None:
        """Takes one line; returns the event that it ends, if it ends one.

        Raises:
            UnexpectedAnswerError: it is no event of Nordlyd's.
        """
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
            return None
        if not self._data:
            return None
        text, self._data = "\n".join(self._data), []
        try:
            event = JobEvent.model_validate_json(text)
        except ValidationError as error:
            raise UnexpectedAnswerError(f"An event of the job cannot be read: {error}") from None
        self.last_id = str(event.id)
        self._has_ended = event.job.status in ENDED
        return event

    def drop_unfinished(self) -> None:
        """Drops the event that was being read when the connection broke."""
        self._data = []

    def is_over(self, response: httpx.Response) -> bool:
        """Returns whether a stream that ended has no further event."""
        return self._has_ended or response.status_code == HTTPStatus.NO_CONTENT


def lines_of(response: httpx.Response) -> Iterator[str]:
    """Yields the lines of a stream of events.

    Raises:
        ClientError: it is an error, whose body was read.
    """
    _check(response)
    yield from response.iter_lines()


async def async_lines_of(response: httpx.Response) -> AsyncIterator[str]:
    """Yields the lines of a stream of events; as `lines_of`."""
    _check(response)
    async for line in response.aiter_lines():
        yield line


def cut_off(server: Server) -> UnreachableError:
    """Returns the error of a stream that ended before its job."""
    return UnreachableError(f"{server.url} closed the connection.")


def _check(response: httpx.Response) -> None:
    if not response.is_success:
        raise error_of(response.status_code, response.headers, response.text)


def _content_type(file: Path) -> str:
    try:
        return _CONTENT_TYPES[file.suffix.lower()]
    except KeyError:
        raise InvalidRequestError(
            f"{file}: the name of a corrected transcript ends in {', '.join(_CONTENT_TYPES)}.",
            param="file",
        ) from None


def _path(job_id: str) -> str:
    return f"/jobs/{job_id}"


def _read_result(response: httpx.Response) -> Transcription | Alignment:
    """Returns a transcription, or an alignment, which alone has no text."""
    try:
        is_transcription = "text" in json.loads(response.text)
    except (ValueError, TypeError):
        is_transcription = True
    if is_transcription:
        return value_reader(TRANSCRIPTION)(response)
    return value_reader(ALIGNMENT)(response)
