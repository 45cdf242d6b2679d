"""/v2/transcript: transcripts are requested, polled, listed and deleted."""

import asyncio
import re
from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter, Request
from pydantic import JsonValue

from app.api.assemblyai.answer import TranscriptBody, deleted_body, transcript_body
from app.api.assemblyai.listing import ListParameters, TranscriptListBody, list_transcripts
from app.api.assemblyai.parameters import (
    TranscriptParameters,
    parse_transcript,
    restore_parameters,
)
from app.api.assemblyai.redacted import with_substitutes
from app.api.assemblyai.uploads import PATH
from app.api.auth import owner_of
from app.api.errors.assemblyai import DOCUMENTED
from app.api.incoming import IncomingOf, IncomingRequest
from app.api.jobs.read import JobIdOf, OwnerOf
from app.api.openapi import openapi_parameters
from app.api.requested import gather, route_transcription
from app.api.state import AppState, AppStateOf
from app.api.submissions import check_webhook, open_source
from app.contract.answers import Transcript
from app.contract.jobs import Job
from app.errors import InvalidRequestError
from app.jobs import Owner, Submission
from app.pipeline.options import parse_options

PROTOCOL = "assemblyai"

router = APIRouter(tags=["compatible"])

_MAX_JSON_BYTES = 2**20
_REQUEST = "request"
_UPLOAD = re.compile(rf"{PATH}(up_[0-9a-f]+)$")


@router.post(
    "/v2/transcript",
    summary="Request a transcript, in AssemblyAI's API",
    responses=DOCUMENTED,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": TranscriptParameters.model_json_schema()}},
        }
    },
)
async def create(incoming: IncomingOf) -> TranscriptBody:
    """AssemblyAI's API for recordings, as far as its features are supported.

    The transcript is made when there is time; GET /v2/transcript/{id} returns its status.
    """
    state = incoming.state
    with state.service.admit():
        body = await incoming.read_bytes(_MAX_JSON_BYTES)
        if body is None:
            raise InvalidRequestError(
                f"The JSON is over {_MAX_JSON_BYTES} bytes; accepted: parameters and a URL."
            )
        parameters, request = parse_transcript(body)
        job = await _submit(incoming, parameters, request)
    return transcript_body(job, request, None)


@router.get(
    "/v2/transcript",
    summary="List transcripts, in AssemblyAI's API",
    responses=DOCUMENTED,
    openapi_extra={"parameters": openapi_parameters(ListParameters)},
)
async def list_all(request: Request, state: AppStateOf, owner: OwnerOf) -> TranscriptListBody:
    """The transcripts that were requested with the same API key, the newest first."""
    query = parse_options(ListParameters, gather(request.query_params.multi_items()))
    return await list_transcripts(state.jobs, owner, query, request)


@router.get(
    "/v2/transcript/{job_id}",
    summary="Fetch a transcript, in AssemblyAI's API",
    responses=DOCUMENTED,
)
async def get(job_id: JobIdOf, state: AppStateOf, owner: OwnerOf) -> TranscriptBody:
    """The transcript once it is completed; until then, how far it is."""
    job = await state.jobs.get(owner, job_id)
    request = await requested(state, owner, job)
    transcript = None
    if job.status == "completed":
        transcript = await formatted(state, owner, job, request)
    body = await asyncio.to_thread(transcript_body, job, request, transcript)
    if job.webhook_url is not None:
        for delivery in await state.jobs.webhooks.deliveries(owner, job_id):
            body.webhook_status_code = delivery.last_status
    return body


@router.delete(
    "/v2/transcript/{job_id}",
    summary="Delete a transcript, in AssemblyAI's API",
    responses=DOCUMENTED,
)
async def delete(job_id: JobIdOf, state: AppStateOf, owner: OwnerOf) -> TranscriptBody:
    """Erases the recording, the transcript and all that is known of them."""
    jobs = state.jobs
    job = await jobs.get(owner, job_id)
    request = await requested(state, owner, job)
    await jobs.delete(owner, job_id)
    return deleted_body(job, request)


async def requested(state: AppState, owner: Owner, job: Job) -> Mapping[str, JsonValue]:
    """Returns the JSON that a transcript was requested with; of other jobs, next to nothing."""
    kept = await state.jobs.protocol_options(owner, job.id)
    return cast("Mapping[str, JsonValue]", kept.get(_REQUEST, {"audio_url": ""}))


async def formatted(
    state: AppState, owner: Owner, job: Job, request: Mapping[str, JsonValue]
) -> Transcript | None:
    """Returns the transcript of a completed job, written as requested.

    None of an alignment, which is no transcript.
    """
    result = await state.jobs.result(owner, job.id)
    if not isinstance(result, Transcript):
        return None
    parameters = restore_parameters(request)
    if parameters.formatting is not None and result.formatted_text is None:
        result = await asyncio.to_thread(
            state.service.transcriber.format, result, parameters.formatting
        )
    return with_substitutes(result, parameters.redact_pii_sub) if parameters.redact_pii else result


async def _submit(
    incoming: IncomingRequest,
    parameters: TranscriptParameters,
    request: dict[str, JsonValue],
) -> Job:
    state, owner = incoming.state, owner_of(incoming.request)
    options = parameters.transcribe_options()
    upload_id = _upload_id(parameters.audio_url)
    if upload_id is None:
        options = options.model_copy(update={"url": parameters.audio_url})
    route = route_transcription(state, options)
    check_webhook(state, parameters.webhook_url, "webhook_url")
    if upload_id is None:
        source, name, _ = open_source(parameters.audio_url, options)
    else:
        source, name = await state.jobs.uploads.open(owner, upload_id), ""
    job, _ = await state.jobs.submit(
        Submission(
            owner=owner,
            kind="transcribe",
            options=options.model_dump(exclude_unset=True, exclude={"url"}),
            model=route.card.id,
            language=route.language,
            source=source,
            name=name,
            webhook_url=parameters.webhook_url,
            protocol=PROTOCOL,
            protocol_options={_REQUEST: request},
        )
    )
    if upload_id is not None:
        await state.jobs.uploads.erase(owner, upload_id)
    return job


def _upload_id(url: str) -> str | None:
    """Returns the id of an upload; None for the URL of another place."""
    found = _UPLOAD.search(url)
    return found[1] if found else None
