"""POST /jobs: recordings in, a job for each out, to be worked on whenever there is time."""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.auth import owner_of
from app.api.incoming import IncomingOf, IncomingRequest
from app.api.jobs.errors import SUBMIT
from app.api.jobs.metadata import parse_metadata
from app.api.openapi import BINARY, HEADERS, openapi_parameters
from app.api.requested import (
    read_align_form,
    read_align_query,
    read_form,
    read_query,
    recordings,
)
from app.api.submissions import check_webhook, close_all, open_source, submit_all
from app.api.uploads import RecordingFile, Uploads
from app.contract.jobs import (
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
    AlignJobOptions,
    Job,
    JobFields,
    JobKind,
    JobPage,
    TranscribeJobOptions,
)
from app.errors import InvalidRequestError
from app.jobs import Submission
from app.pipeline import Route

IDEMPOTENCY_KEY = "idempotency-key"
REPLAYED = "idempotent-replayed"
"""Of an answer that repeats an earlier one; the name is Stripe's."""

router = APIRouter(tags=["jobs"])

_TEXT = "text"
# They are of the request or have a place of their own in a submission.
_NOT_OF_THE_WORK = {*JobFields.model_fields, "url", "timeout"}
_LOCATION = {"description": "Where the job is.", "schema": {"type": "string"}}
_OPERATION: dict[str, Any] = {
    "parameters": [
        *openapi_parameters(TranscribeJobOptions),
        *(
            parameter
            for parameter in openapi_parameters(AlignJobOptions)
            if parameter["name"] not in TranscribeJobOptions.model_fields
        ),
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": MAX_IDEMPOTENCY_KEY_CHARACTERS},
            "description": "A second request with the same key makes no second job.",
        },
    ],
    "requestBody": {
        "required": False,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "array", "items": BINARY},
                        **AlignJobOptions.model_json_schema()["properties"],
                        **TranscribeJobOptions.model_json_schema()["properties"],
                    },
                }
            },
            "audio/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
        },
    },
}


@router.post(
    "/jobs",
    summary="Hand in recordings, to be fetched later",
    status_code=202,
    response_model=Job | JobPage,
    responses={
        202: {
            "headers": {"x-request-id": HEADERS["x-request-id"], "location": _LOCATION},
            "description": "The job; with several files a page of jobs, in their order.",
        },
        **SUBMIT,
    },
    openapi_extra=_OPERATION,
)
async def submit(incoming: IncomingOf) -> Response:
    """Keeps recordings, and transcribes them when there is time; with `text`, aligns one.

    Takes what POST /transcribe takes, or with `text` what POST /align takes. A recording that was
    accepted is not lost, whatever happens to the connection or to the service. `timeout` is that
    of the upload alone.
    """
    jobs = incoming.state.jobs
    key = _idempotency_key(incoming.request)
    with ExitStack() as stack:
        stack.enter_context(incoming.state.service.admit())
        _check_query(incoming)
        uploads = await incoming.read(max_files=incoming.state.settings.max_batch_files)
        stack.enter_context(closing(uploads))
        made = await submit_all(jobs, _Work.read(incoming, uploads).submissions(key))
    return _accepted(incoming.request, made)


@dataclass(frozen=True, slots=True)
class _Work:
    """What to do with the recordings of one request."""

    incoming: IncomingRequest
    kind: JobKind
    options: TranscribeJobOptions | AlignJobOptions
    route: Route
    sources: Sequence[RecordingFile | str]

    @classmethod
    def read(cls, incoming: IncomingRequest, uploads: Uploads) -> "_Work":
        """Returns the work that query and form describe, checked.

        Raises:
            InvalidRequestError: an option is unknown or wrong, or cannot be served.
        """
        names = {name for name, _ in (*incoming.query, *uploads.fields)}
        options: TranscribeJobOptions | AlignJobOptions
        kind: JobKind
        if _TEXT in names:
            kind = "align"
            options, _, route = read_align_form(incoming, uploads, AlignJobOptions)
            if options.url is not None:
                incoming.state.need_fetcher().check(options.url)
        else:
            kind = "transcribe"
            options, route = read_form(incoming, uploads, TranscribeJobOptions)
        sources = recordings(uploads, options.url)
        if kind == "align" and len(sources) > 1:
            raise InvalidRequestError(
                f"There are {len(sources)} files and one `text`; accepted: one file.", param="file"
            )
        return cls(incoming, kind, options, route, sources)

    def submissions(self, key: str | None) -> list[Submission]:
        """Returns what to hand in for each recording.

        Raises:
            AudioError: a recording is empty.
            InvalidRequestError: a field of the job is wrong, or raw samples have no rate.
        """
        metadata = parse_metadata(self.options.metadata)
        check_webhook(self.incoming.state, self.options.webhook_url, "webhook_url")
        given = self.options.model_dump(exclude_unset=True, exclude=_NOT_OF_THE_WORK)
        found: list[Submission] = []
        try:
            for index, source in enumerate(self.sources):
                audio, name, declared = open_source(source, self.options)
                found.append(
                    Submission(
                        owner=owner_of(self.incoming.request),
                        kind=self.kind,
                        options=given | declared,
                        model=self.route.card.id,
                        language=self.route.language,
                        source=audio,
                        name=name,
                        metadata=metadata,
                        webhook_url=self.options.webhook_url,
                        expires_in=self.options.expires_in,
                        idempotency_key=_key_of(key, index),
                        # The same key with another number of files is another request.
                        protocol_options={"files": len(self.sources)},
                    )
                )
        except BaseException:
            close_all(found)
            raise
        return found


def _check_query(incoming: IncomingRequest) -> None:
    """Refuses what no form can make right, before a long body is read."""
    if any(name == _TEXT for name, _ in incoming.query):
        read_align_query(incoming, AlignJobOptions)
        return
    try:
        options, _ = read_query(incoming, TranscribeJobOptions)
    except InvalidRequestError as error:
        if not incoming.content_type.is_multipart:
            raise
        # The form may have a text, and some options suit only one of the two.
        try:
            read_align_query(incoming, AlignJobOptions)
        except InvalidRequestError:
            raise error from None
    else:
        parse_metadata(options.metadata)
        check_webhook(incoming.state, options.webhook_url, "webhook_url")


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and not (
        0 < len(key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS and key.isascii() and key.isprintable()
    ):
        raise InvalidRequestError(
            f"Idempotency-Key is not valid; accepted: 1 to {MAX_IDEMPOTENCY_KEY_CHARACTERS} "
            "printable characters of ASCII.",
            param="Idempotency-Key",
        )
    return key


def _key_of(key: str | None, index: int) -> str | None:
    """Returns the key of one of several recordings; the first has that of the request."""
    if key is None or index == 0:
        return key
    return f"{hashlib.sha256(key.encode()).hexdigest()}/{index}"


def _accepted(request: Request, made: Sequence[tuple[Job, bool]]) -> Response:
    jobs = f"{request.scope.get('root_path', '')}/jobs"
    headers = {}
    if not any(is_new for _, is_new in made):
        headers[REPLAYED] = "true"
    if len(made) == 1:
        job = made[0][0]
        body, location = job.model_dump_json(), f"{jobs}/{job.id}"
    else:
        body, location = JobPage(jobs=tuple(job for job, _ in made)).model_dump_json(), jobs
    headers["location"] = location
    return Response(body, 202, headers, "application/json")
