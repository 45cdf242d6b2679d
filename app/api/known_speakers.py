"""POST, GET and DELETE of /speakers: the known speakers of a caller."""

from contextlib import ExitStack, closing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from app.api.auth import owner_of
from app.api.incoming import IncomingOf, IncomingRequest
from app.api.openapi import BINARY, ERRORS, openapi_parameters
from app.api.requested import gather
from app.api.state import AppStateOf
from app.api.uploads import Uploads
from app.contract.errors import ErrorBody
from app.contract.speakers import (
    MAX_SAMPLE_SECONDS,
    MIN_SAMPLE_SECONDS,
    KnownSpeaker,
    KnownSpeakers,
    SampleOptions,
    parse_speaker_name,
)
from app.deadlines import run_until_deadline
from app.errors import InvalidRequestError
from app.known_speakers import SampleRules, VoiceSample
from app.pipeline.options import parse_options

router = APIRouter(prefix="/speakers", tags=["speakers"])

_RULES = SampleRules(MIN_SAMPLE_SECONDS, MAX_SAMPLE_SECONDS, param="file")
_ADD: dict[int | str, dict[str, Any]] = {
    status: ERRORS[status] for status in (400, 401, 403, 413, 415, 422, 429, 503, 504, 507)
}
_READ: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (401, 403, 503)}
_DELETE = _READ | {404: {"model": ErrorBody, "description": "The caller has no such speaker."}}
_OPERATION: dict[str, Any] = {
    "parameters": openapi_parameters(SampleOptions),
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": BINARY,
                        **SampleOptions.model_json_schema()["properties"],
                    },
                }
            },
            "audio/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
        },
    },
}

OwnerOf = Annotated[str, Depends(owner_of)]


@router.post(
    "",
    summary="Keep the voice of a speaker",
    status_code=201,
    responses=_ADD,
    openapi_extra=_OPERATION,
)
async def add_speaker(incoming: IncomingOf, owner: OwnerOf) -> KnownSpeaker:
    """Keeps an embedding of the one voice in a sample of 2 to 60 s, under the caller's key.

    Transcripts with `known_speakers=true` then have the name. The sample itself is not kept. An
    embedding of a voice is biometric data: have the person's consent. Only where the operator
    allows it.
    """
    known = incoming.state.known_speakers
    with ExitStack() as stack:
        stack.enter_context(incoming.admit())
        known.check_enabled()
        known.sampler.check()
        options = parse_options(SampleOptions, gather(incoming.query))
        incoming.set_timeout(options.timeout)
        uploads = await incoming.read()
        stack.enter_context(closing(uploads))
        options = parse_options(SampleOptions, gather(incoming.query, uploads.fields))
        incoming.set_timeout(options.timeout)
        name = _name(options.name)
        reading = _read_sample(incoming, uploads, options)
        sample = await incoming.run(
            run_until_deadline(incoming.deadline, reading, "the voice was being found")
        )
        return await known.add(owner, name, sample)


@router.get("", summary="List known speakers", responses=_READ)
async def list_speakers(state: AppStateOf, owner: OwnerOf) -> KnownSpeakers:
    """The known speakers of the caller's key, the oldest first."""
    return KnownSpeakers(speakers=await state.known_speakers.of_owner(owner))


@router.delete("/{speaker_id}", summary="Erase a known speaker", status_code=204, responses=_DELETE)
async def delete_speaker(speaker_id: str, state: AppStateOf, owner: OwnerOf) -> Response:
    """Erases the name and the embedding of a known speaker."""
    await state.known_speakers.delete(owner, speaker_id)
    return Response(status_code=204)


async def _read_sample(
    incoming: IncomingRequest, uploads: Uploads, options: SampleOptions
) -> VoiceSample:
    [file] = uploads.require()
    source, audio = file.open_to_decode(options)
    return await incoming.state.known_speakers.sampler.read(
        source, _RULES, audio=audio, caller=incoming.caller, request_id=incoming.request_id
    )


def _name(given: str | None) -> str:
    try:
        return parse_speaker_name(given)
    except ValueError as error:
        raise InvalidRequestError(f"name is {given!r}: {error}.", param="name") from None
