"""POST /v1/audio/transcriptions: OpenAI's form in, its answers out, whole or as they grow."""

import asyncio
from contextlib import ExitStack
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.caller import caller_of
from app.api.disconnects import run_until_disconnect
from app.api.errors import RouteError
from app.api.errors.openai import DOCUMENTED
from app.api.openai.parameters import (
    MAX_FIELDS,
    OUR_FIELDS,
    OpenAIParameters,
    Transcribing,
    check,
    read_form,
)
from app.api.openai.schemas import (
    TranscriptionJson,
    TranscriptionVerboseJson,
    plain_json,
    verbose_json,
)
from app.api.openai.streaming import EventResponse, TranscriptEvents
from app.api.parameters import deadline_of
from app.api.raw_bodies import decode_options
from app.api.state import AppStateOf
from app.api.transcribe import BINARY, HEADERS, timing_headers, warning_headers
from app.api.upload import Upload, is_form, read_upload
from app.contract.options import TranscribeOptions
from app.errors import InvalidRequestError
from app.formats import render
from app.pipeline import TranscriptionRequest
from app.transcript import Transcript

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
    summary="Transcribe a recording, as OpenAI's clients ask for it",
    response_model=TranscriptionJson | TranscriptionVerboseJson,
    responses={200: _ANSWERS, **DOCUMENTED},
    openapi_extra=_OPERATION,
)
async def transcriptions(request: Request, parts: AppStateOf) -> Response:
    """The text of a recording, in the forms of OpenAI's API; docs/openai.md has every field.

    With `stream=true` the text comes as server-sent events while the recording is still being
    encoded.
    """
    service = parts.service
    with ExitStack() as stack:
        stack.enter_context(service.admit(caller_of(request)))
        if not is_form(request):
            raise InvalidRequestError(
                "The body is no multipart form; send the audio as its field `file`.", param="file"
            )
        service.check_room(caller_of(request), deadline_of(request))
        upload = await read_upload(request, max_fields=MAX_FIELDS)
        try:
            asked, ours = read_form(upload.fields)
            given = any(name == "format_text" for name, _ in upload.fields)
            transcribing = check(service.transcriber, asked, ours, format_given=given)
            work = _work(request, upload, transcribing)
        except BaseException:
            upload.audio.close()
            raise
        if asked.stream:
            events = TranscriptEvents(request, service, work, logprobs="logprobs" in asked.include)
            await events.begin()
            return EventResponse(events, stack.pop_all())
        transcript = await run_until_disconnect(
            request, service.transcriber.transcribe(work), cut_off=service.cut_off
        )
        return await asyncio.to_thread(_answer, transcript, asked)


@router.post("/translations", include_in_schema=False)
async def translations() -> Response:
    """Say that there is no translation."""
    raise RouteError(
        "Nothing is translated here; POST /v1/audio/transcriptions gives the text in the language "
        "that is spoken.",
        status=404,
    )


def _work(request: Request, upload: Upload, transcribing: Transcribing) -> TranscriptionRequest:
    ours = transcribing.ours
    return TranscriptionRequest(
        source=upload.audio,
        request_id=request.state.request_id,
        audio=decode_options(ours, upload.content_type, upload.audio),
        caller=caller_of(request),
        model=transcribing.model,
        language=transcribing.language,
        deadline=deadline_of(request, ours.timeout),
        decoding=transcribing.decoding,
        readable=transcribing.readable,
    )


def _answer(transcript: Transcript, asked: OpenAIParameters) -> Response:
    headers = timing_headers(transcript.timing) | warning_headers(transcript.notices)
    match asked.response_format:
        case "json":
            body = plain_json(
                transcript, logprobs=bool(asked.include), languages=bool(asked.languages)
            )
        case "verbose_json":
            body = verbose_json(transcript, asked.timestamp_granularities)
        case name:
            words = "word" in asked.timestamp_granularities
            rendered = render(transcript, name, word_cues=words)
            # Subtitles of either kind are text to their SDK; only WebVTT has a type of its own.
            kind = rendered.media_type if name == "vtt" else "text/plain; charset=utf-8"
            return Response(rendered.body, media_type=kind, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
