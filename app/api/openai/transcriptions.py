"""POST /v1/audio/transcriptions: OpenAI's form and responses, whole or as events."""

import asyncio
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from app.api.auth import owner_of
from app.api.errors import RouteError
from app.api.errors.openai import DOCUMENTED
from app.api.incoming import IncomingOf, IncomingRequest
from app.api.openai.parameters import (
    MAX_FIELDS,
    OUR_FIELDS,
    OpenAIForm,
    OpenAIParameters,
    read_form,
    route_form,
)
from app.api.openai.references import MAX_REFERENCE_BYTES, read_voices
from app.api.openai.schemas import (
    TranscriptionJson,
    TranscriptionVerboseJson,
    plain_json,
    verbose_json,
)
from app.api.openai.speakers import TranscriptionDiarized, diarized_json
from app.api.openai.streaming import EventResponse, TranscriptEvents
from app.api.openapi import BINARY, HEADERS
from app.api.outputs import timing_headers, warning_headers
from app.api.requested import requested_diarization
from app.api.uploads import Uploads
from app.contract.answers import Transcript
from app.contract.options import TranscribeOptions
from app.deadlines import run_until_deadline
from app.errors import InvalidRequestError
from app.formats import render
from app.pipeline import TranscriptionRequest
from app.pipeline.options import diarization_options
from app.speakers import DiarizationOptions

router = APIRouter(prefix="/v1/audio", tags=["OpenAI"])

_PROPERTIES = {
    name: {key: value for key, value in schema.items() if key != "title"}
    for model, names in (
        (OpenAIParameters, tuple(OpenAIParameters.model_fields)),
        (TranscribeOptions, OUR_FIELDS),
    )
    for name, schema in model.model_json_schema()["properties"].items()
    if name in names
}
_OPERATION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": BINARY,
                        **_PROPERTIES,
                        "format_text": _PROPERTIES["format_text"] | {"default": True},
                    },
                }
            }
        },
    }
}
_TEXT = {"schema": {"type": "string"}}
_ANSWERS: dict[str, Any] = {
    "headers": HEADERS,
    "content": {"text/plain": _TEXT, "text/vtt": _TEXT, "text/event-stream": _TEXT},
}


@router.post(
    "/transcriptions",
    summary="Transcribe a recording, in OpenAI's API",
    response_model=TranscriptionJson | TranscriptionVerboseJson | TranscriptionDiarized,
    responses={200: _ANSWERS, **DOCUMENTED},
    openapi_extra=_OPERATION,
)
async def transcriptions(incoming: IncomingOf) -> Response:
    """The text of a recording, in the forms of OpenAI's API; docs/openai.md has every field.

    With `stream=true` the text comes as server-sent events while the recording is still being
    encoded.
    """
    service = incoming.state.service
    with ExitStack() as stack:
        stack.enter_context(incoming.admit())
        if not incoming.content_type.is_multipart:
            raise InvalidRequestError(
                "The body is no multipart form; send the audio as its field `file`.", param="file"
            )
        incoming.set_timeout()
        incoming.check_room()
        uploads = await incoming.read(max_fields=MAX_FIELDS, max_field_bytes=MAX_REFERENCE_BYTES)
        with closing(uploads):
            work, fields = await _work(incoming, uploads)
        if fields.stream:
            events = TranscriptEvents(
                incoming.request, service, work, logprobs="logprobs" in fields.include
            )
            await events.begin()
            return EventResponse(events, stack.pop_all())
        transcript = await incoming.run(service.transcriber.transcribe(work))
        return await asyncio.to_thread(_answer, transcript, fields)


@router.post("/translations", include_in_schema=False)
async def translations() -> Response:
    """Refuses translation."""
    raise RouteError(
        "Nothing is translated here; POST /v1/audio/transcriptions gives the text in the language "
        "that is spoken.",
        status=404,
    )


async def _work(
    incoming: IncomingRequest, uploads: Uploads
) -> tuple[TranscriptionRequest, OpenAIParameters]:
    """Returns what to transcribe and how to answer, from the form."""
    (file,) = uploads.require()
    form = read_form(uploads.fields)
    transcriber = incoming.state.service.transcriber
    route = route_form(transcriber, form)
    transcriber.check_diarization(diarization_options(form.native))
    incoming.set_timeout(form.native.timeout)
    diarization = await requested_diarization(
        incoming.state, form.native, owner_of(incoming.request)
    )
    if diarization is not None and form.references:
        diarization = await incoming.run(_with_references(incoming, form, diarization))
    source, audio = file.open_to_decode(form.native)
    return incoming.transcription(source, audio, route, diarization=diarization), form.openai


async def _with_references(
    incoming: IncomingRequest, form: OpenAIForm, diarization: DiarizationOptions
) -> DiarizationOptions:
    """Returns the options with the voices of the form's references too."""
    reading = read_voices(
        incoming.state.known_speakers.sampler,
        form.references,
        caller=incoming.caller,
        request_id=incoming.request_id,
    )
    voices = await run_until_deadline(incoming.deadline, reading, "voices were being found")
    return replace(diarization, known=(*diarization.known, *voices))


def _answer(transcript: Transcript, fields: OpenAIParameters) -> Response:
    headers = timing_headers(transcript.timing) | warning_headers(transcript.warnings)
    match fields.response_format:
        case "json":
            body = plain_json(
                transcript, logprobs=bool(fields.include), languages=bool(fields.languages)
            )
        case "verbose_json":
            body = verbose_json(transcript, fields.timestamp_granularities)
        case "diarized_json":
            body = diarized_json(transcript)
        case name:
            words = "word" in fields.timestamp_granularities
            rendered = render(transcript, name, word_cues=words)
            # Subtitles of either kind are text to their SDK; only WebVTT has a type of its own.
            kind = rendered.media_type if name == "vtt" else "text/plain; charset=utf-8"
            return Response(rendered.body, media_type=kind, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
