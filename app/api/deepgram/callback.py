"""Deepgram's `callback`: a recording in, the id of the request out, its answer sent later."""

import asyncio
from collections.abc import Mapping
from typing import cast

from fastapi import Response
from pydantic import BaseModel, JsonValue

from app.api.auth import owner_of
from app.api.deepgram.answer import render
from app.api.deepgram.parameters import ListenOptions, parse_listen
from app.api.errors import error_of_detail
from app.api.errors.deepgram import deepgram_error
from app.api.incoming import IncomingRequest
from app.api.state import AppState
from app.api.submissions import open_source
from app.api.uploads import RecordingFile
from app.contract.answers import Transcript
from app.contract.jobs import Job
from app.contract.options import TranscribeOptions
from app.errors import JobNotCompletedError, NordlydError
from app.jobs import Owner, Submission, WebhookMessage
from app.pipeline import Route

PROTOCOL = "deepgram"


class AcceptedBody(BaseModel):
    """The answer of POST /v1/listen with `callback`."""

    request_id: str


async def accept(
    incoming: IncomingRequest,
    source: RecordingFile | str,
    options: ListenOptions,
    route: Route,
) -> Response:
    """Hands in a recording, and answers with the id that its callback will have.

    Raises:
        NordlydError: the recording is empty, or cannot be kept.
    """
    sha256 = ""
    if isinstance(source, RecordingFile):
        sha256 = await asyncio.to_thread(source.sha256)
    transcribe = options.transcribe_options()
    audio, name, declared = open_source(source, TranscribeOptions.model_validate(transcribe))
    job, _ = await incoming.state.jobs.submit(
        Submission(
            owner=owner_of(incoming.request),
            kind="transcribe",
            options=transcribe | declared,
            model=route.card.id,
            language=route.language,
            source=audio,
            name=name,
            webhook_url=options.callback,
            protocol=PROTOCOL,
            protocol_options={
                "request_id": incoming.request_id,
                "sha256": sha256,
                "query": [[name, value] for name, value in incoming.query],
            },
        )
    )
    body = AcceptedBody(request_id=incoming.request_id).model_dump_json()
    headers = {
        "dg-request-id": incoming.request_id,
        "location": f"{incoming.request.scope.get('root_path', '')}/jobs/{job.id}",
    }
    return Response(body, 200, headers, "application/json")


async def callback_message(state: AppState, owner: Owner, job: Job) -> WebhookMessage:
    """Returns what to send to the callback of a job that has ended: the answer, or the error."""
    jobs = state.jobs
    kept = await jobs.protocol_options(owner, job.id)
    request_id = str(kept["request_id"])
    options = parse_listen(_query(kept))
    if job.status == "completed":
        # It is fetched once it is delivered.
        transcript = cast("Transcript", await jobs.result(owner, job.id, fetching=False))
        body = await asyncio.to_thread(_answer, state, job, kept, transcript, options)
    else:
        body = deepgram_error(_error(job), request_id).model_dump_json()
    return WebhookMessage(
        body.encode(),
        {"content-type": "application/json", "dg-request-id": request_id},
        options.callback_method,
        has_result=job.status == "completed",
    )


def _query(kept: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    pairs = cast("list[tuple[str, str]]", kept["query"])
    return [(name, value) for name, value in pairs]


def _answer(
    state: AppState,
    job: Job,
    kept: Mapping[str, JsonValue],
    transcript: Transcript,
    options: ListenOptions,
) -> str:
    if options.formatting is not None:
        transcript = state.service.transcriber.format(transcript, options.formatting)
    assert job.completed_at is not None
    body = render(
        transcript,
        options,
        request_id=str(kept["request_id"]),
        sha256=str(kept["sha256"]),
        # Each attempt to deliver it sends the same.
        created=job.completed_at,
    )
    return body.to_json()


def _error(job: Job) -> NordlydError:
    if job.error is not None:
        return error_of_detail(job.error)
    return JobNotCompletedError("The recording was erased before it was transcribed.")
