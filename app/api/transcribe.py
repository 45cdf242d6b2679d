"""POST /transcribe, the native protocol: recordings in, text with word times out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api import batch
from app.api.caller import caller_of
from app.api.disconnects import run_until_disconnect
from app.api.outputs import Output, transcription_output
from app.api.parameters import deadline_of, gather, openapi_parameters
from app.api.raw_bodies import decode_options
from app.api.schemas import BatchLineBody, ErrorBody, TranscriptionBody
from app.api.state import AppState, AppStateOf
from app.api.upload import UploadedFile, Uploads, is_form, read_uploads
from app.contract.options import TranscribeOptions
from app.errors import InvalidRequestError
from app.formats import FORMATS, describe
from app.notices import Notice
from app.pipeline import TranscriptionRequest
from app.pipeline.options import (
    check_word_cues,
    decoding_options,
    formatting_options,
    parse_options,
)
from app.transcript import Timing, Transcript

router = APIRouter(tags=["transcription"])

WARNINGS_HEADER = "x-nordlyd-warnings"
BINARY = {"type": "string", "format": "binary"}
_FORM_FIELDS = {
    name: {key: value for key, value in schema.items() if key != "title"}
    for name, schema in TranscribeOptions.model_json_schema()["properties"].items()
}
_OPERATION: dict[str, Any] = {
    "parameters": openapi_parameters(TranscribeOptions),
    "requestBody": {
        "required": False,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "array", "items": BINARY}, **_FORM_FIELDS},
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
    WARNINGS_HEADER: {
        "description": "Codes of the answer's warnings, where there are any.",
        "schema": {"type": "string"},
    },
    "content-disposition": {
        "description": "A name to save the answer under.",
        "schema": {"type": "string"},
    },
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
        429: "The queue, or what the service keeps of audio, is full; Retry-After says until when.",
        503: "Loading, draining, or the device does not answer.",
        504: "The request's own deadline passed.",
        507: "The disk has no room for the recording.",
    }.items()
}
FORMATTED: dict[str, Any] = {
    describe(name).media_type.partition(";")[0]: {"schema": {"type": "string"}}
    for name in FORMATS
    if name != "json"
}
"""What an answer may be besides JSON, for the OpenAPI page."""


def _line_schema() -> dict[str, Any]:
    """The schema of a line, with references into the document where it has the models already."""
    schema = BatchLineBody.model_json_schema(ref_template="#/components/schemas/{model}")
    rendered = schema.pop("$defs")["RenderedBody"]
    result = schema["properties"]["result"]
    result["anyOf"] = [
        rendered if option.get("$ref", "").endswith("/RenderedBody") else option
        for option in result["anyOf"]
    ]
    return schema


@router.post(
    "/transcribe",
    summary="Transcribe recordings",
    response_model=TranscriptionBody,
    responses={
        200: {
            "headers": HEADERS,
            "content": FORMATTED | {batch.MEDIA_TYPE: {"schema": _line_schema()}},
        },
        **ERRORS,
    },
    openapi_extra=_OPERATION,
)
async def transcribe(request: Request, parts: AppStateOf) -> Response:
    """Text with the start, end and confidence of every word; made readable on request.

    Send the audio as the body itself or as `file` in a multipart form, or say its `url` where the
    operator allows that. Its format is found out from its content, whatever its name or declared
    type. Parameters go in the query or the form. Several files, or `Accept: application/x-ndjson`,
    are answered with a line of JSON for each file as it is done.
    """
    service = parts.service
    with ExitStack() as stack:
        stack.enter_context(service.admit(caller_of(request)))
        query = request.query_params.multi_items()
        _check_query(request, parts, query)
        service.check_room(caller_of(request), request.state.deadline)
        uploads = await read_uploads(request, max_files=parts.settings.max_batch_files)
        stack.enter_context(closing(uploads))
        parameters = parse_options(TranscribeOptions, gather(query, uploads.fields))
        _check(parts, parameters)
        deadline = deadline_of(request, parameters.timeout)
        call = _Call(request.state.request_id, caller_of(request), parts, parameters, deadline)
        sources = _sources(uploads, parameters)
        if len(sources) > 1 or batch.wants_lines(request):
            failures = parts.telemetry.failures
            return batch.BatchResponse(
                request,
                call.jobs(sources),
                stack.pop_all(),
                cut_off=service.cut_off,
                failed=lambda code: failures.labels(code).inc(),
            )
        return await run_until_disconnect(request, call.answer(sources[0]), cut_off=service.cut_off)


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, once its body was read; a source is a recording or the URL of one."""

    request_id: str
    caller: str
    parts: AppState
    parameters: TranscribeOptions
    deadline: float | None

    async def answer(self, source: UploadedFile | str) -> Response:
        """Answer with one recording's transcript."""
        async with self._recording(source) as file:
            output, transcript = await self._transcribe(file, self.request_id)
        return output_response(output, transcript.timing, transcript.notices)

    def jobs(self, sources: Sequence[UploadedFile | str]) -> list[batch.Job]:
        """The work on each of several recordings."""
        return [
            batch.Job(
                index,
                source if isinstance(source, str) else source.name,
                partial(self._line, source, f"{self.request_id}/{index}"),
            )
            for index, source in enumerate(sources)
        ]

    async def _line(self, source: UploadedFile | str, request_id: str) -> str:
        async with self._recording(source) as file:
            output, _ = await self._transcribe(file, request_id, wait_for_room=True)
        return output.in_json()

    @asynccontextmanager
    async def _recording(self, source: UploadedFile | str) -> AsyncIterator[UploadedFile]:
        if isinstance(source, UploadedFile):
            yield source
            return
        reservation = self.parts.service.transcriber.media.spool.reserve(self.caller)
        fetched = await self.parts.need_fetcher().fetch(
            source, self.deadline, reservation=reservation
        )
        bodies = fetched.bodies
        try:
            yield UploadedFile(
                fetched.name,
                fetched.content_type,
                bodies.size,
                partial(bodies.open, 0, bodies.size),
            )
        finally:
            bodies.close()

    async def _transcribe(
        self, file: UploadedFile, request_id: str, *, wait_for_room: bool = False
    ) -> tuple[Output, Transcript]:
        parameters = self.parameters
        source = file.open()
        try:
            audio = decode_options(parameters, file.content_type, source)
        except BaseException:
            source.close()
            raise
        work = TranscriptionRequest(
            source=source,
            request_id=request_id,
            audio=audio,
            caller=self.caller,
            model=parameters.model,
            language=parameters.language,
            deadline=self.deadline,
            wait_for_room=wait_for_room,
            decoding=decoding_options(parameters),
            readable=formatting_options(parameters),
        )
        with self.parts.progress.follow(request_id) as progress:
            transcript = await self.parts.service.transcriber.transcribe(work, progress=progress)
        output = await asyncio.to_thread(
            transcription_output,
            transcript,
            parameters,
            recording=file.name,
            request_id=request_id,
        )
        return output, transcript


def output_response(output: Output, timing: Timing, notices: Sequence[Notice]) -> Response:
    """Send an output, with its name, the times it took and the codes of its warnings."""
    return Response(
        output.body,
        headers={
            "content-type": output.media_type,
            "content-disposition": output.disposition,
            **timing_headers(timing),
            **warning_headers(notices),
        },
    )


def warning_headers(notices: Sequence[Notice]) -> dict[str, str]:
    """Returns the codes of warnings as a header, for answers whose form has no place for them."""
    codes = ", ".join(dict.fromkeys(notice.code for notice in notices))
    return {WARNINGS_HEADER: codes} if codes else {}


def timing_headers(timing: Timing) -> dict[str, str]:
    """How long a request waited and was computed, in whole milliseconds."""
    compute = timing.decode_audio + timing.encode + timing.decode_text
    return {
        "x-queue-time": str(round(timing.queue * 1000)),
        "x-compute-time": str(round(compute * 1000)),
    }


def _check_query(request: Request, parts: AppState, query: Sequence[tuple[str, str]]) -> None:
    """Refuse what no body can make right, before a long one is read."""
    parameters = parse_options(TranscribeOptions, gather(query))
    deadline_of(request, parameters.timeout)
    if not is_form(request):
        _check(parts, parameters)
        return
    if parameters.url is not None:
        parts.need_fetcher().check(parameters.url)
    # The form may name the model yet, and the model decides what else is accepted.
    if parameters.model is not None:
        parts.service.transcriber.route(
            parameters.model, parameters.language, decoding_options(parameters)
        )


def _check(parts: AppState, parameters: TranscribeOptions) -> None:
    """Refuse what cannot be served, before the audio is decoded."""
    check_word_cues(parameters.response_format, word_cues=parameters.word_cues)
    if parameters.url is not None:
        parts.need_fetcher().check(parameters.url)
    parts.service.transcriber.route(
        parameters.model,
        parameters.language,
        decoding_options(parameters),
        formatting_options(parameters),
    )


def _sources(uploads: Uploads, parameters: TranscribeOptions) -> Sequence[UploadedFile | str]:
    if parameters.url is None:
        return uploads.require()
    if not uploads.empty:
        raise InvalidRequestError("There is audio and a `url`; accepted: one of them.", param="url")
    return (parameters.url,)
