"""POST /transcribe, the native protocol: a body of audio in, text with word times out."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.attend import attend
from app.api.parameters import (
    TIMEOUT_HEADER,
    TranscribeParameters,
    gather,
    openapi_parameters,
    parse,
    parse_timeout,
    raw_format,
)
from app.api.parts import PartsOf
from app.api.schemas import ErrorBody, TranscriptionBody
from app.api.upload import Upload, read_upload
from app.pipeline import TranscriptionRequest
from app.transcript import Timing, Transcript

router = APIRouter(tags=["transcription"])

BINARY = {"type": "string", "format": "binary"}
_FORM_FIELDS = {
    name: {key: value for key, value in schema.items() if key != "title"}
    for name, schema in TranscribeParameters.model_json_schema()["properties"].items()
}
_OPERATION: dict[str, Any] = {
    "parameters": openapi_parameters(TranscribeParameters),
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": BINARY, **_FORM_FIELDS},
                }
            },
            "audio/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
        },
    },
}
HEADERS = {
    "x-request-id": {"description": "The request's id.", "schema": {"type": "string"}},
    "x-queue-time": {"description": "Waited, in ms.", "schema": {"type": "integer"}},
    "x-compute-time": {"description": "Computed, in ms.", "schema": {"type": "integer"}},
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in {
        400: "A parameter or the form is wrong.",
        401: "No API key, or a wrong one.",
        404: "No such model is loaded, or none for that language.",
        413: "The upload or the audio is over the limit.",
        415: "The bytes are in no accepted format.",
        422: "The audio is empty, truncated or holds no audio track.",
        429: "The queue is full; Retry-After says when it will have room.",
        503: "Loading, draining, or the device does not answer.",
        504: "The request's own deadline passed.",
    }.items()
}


@router.post(
    "/transcribe",
    summary="Transcribe a recording",
    response_model=TranscriptionBody,
    responses={200: {"headers": HEADERS}, **ERRORS},
    openapi_extra=_OPERATION,
)
async def transcribe(request: Request, parts: PartsOf) -> Response:
    """Text with the start, end and confidence of every word; made readable on request.

    Send the audio as the body itself or as `file` in a multipart form. Its format is found out
    from its content, whatever its name or declared type. Parameters go in the query or the form.
    """
    service = parts.service
    with service.admit():
        # What the query says is checked before a long body is read.
        query = request.query_params.multi_items()
        checked = parse(TranscribeParameters, gather(query))
        parse_timeout(request.headers.get(TIMEOUT_HEADER))
        service.transcriber.route(checked.model, checked.language, checked.decoding())
        upload = await read_upload(request)
        try:
            parameters = parse(TranscribeParameters, gather(query, upload.fields))
            work = _request(request, upload, parameters)
            service.transcriber.route(work.model, work.language, work.decoding, work.readable)
        except BaseException:
            upload.audio.close()
            raise
        transcript = await attend(
            request, service.transcriber.transcribe(work), cut_off=service.cut_off
        )
        return await asyncio.to_thread(_answer, transcript, parameters, work.request_id)


def _request(
    request: Request, upload: Upload, parameters: TranscribeParameters
) -> TranscriptionRequest:
    timeout = parameters.timeout or parse_timeout(request.headers.get(TIMEOUT_HEADER))
    return TranscriptionRequest(
        source=upload.audio,
        request_id=request.state.request_id,
        raw=raw_format(parameters, upload.content_type),
        model=parameters.model,
        language=parameters.language,
        deadline=None if timeout is None else request.state.started + timeout,
        decoding=parameters.decoding(),
        readable=parameters.readable(),
    )


def timing_headers(timing: Timing) -> dict[str, str]:
    """How long a request waited and was computed, in whole milliseconds."""
    compute = timing.decode_audio + timing.encode + timing.decode_text
    return {
        "x-queue-time": str(round(timing.queue * 1000)),
        "x-compute-time": str(round(compute * 1000)),
    }


def _answer(transcript: Transcript, parameters: TranscribeParameters, request_id: str) -> Response:
    body = TranscriptionBody.of(transcript, words=parameters.words, request_id=request_id)
    return Response(
        body.to_json(), media_type="application/json", headers=timing_headers(transcript.timing)
    )
