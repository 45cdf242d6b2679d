"""POST /transcribe, the native protocol: transcribes recordings with word times."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from app.api import batch
from app.api.auth import owner_of
from app.api.incoming import IncomingOf, IncomingRequest
from app.api.openapi import BINARY, ERRORS, FORMATTED, HEADERS, openapi_parameters
from app.api.outputs import Output, output_response, transcription_output
from app.api.requested import read_form, read_query, recordings, requested_diarization
from app.api.uploads import RecordingFile
from app.contract.answers import Transcript
from app.contract.batches import BatchLine
from app.contract.options import TranscribeOptions
from app.pipeline import Route, Work

router = APIRouter(tags=["transcription"])

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


def _line_schema() -> dict[str, Any]:
    """Returns the schema of a line; models that the OpenAPI page has anyway are references."""
    schema = BatchLine.model_json_schema(ref_template="#/components/schemas/{model}")
    rendered = schema.pop("$defs")["RenderedFile"]
    result = schema["properties"]["result"]
    result["anyOf"] = [
        rendered if option.get("$ref", "").endswith("/RenderedFile") else option
        for option in result["anyOf"]
    ]
    return schema


@router.post(
    "/transcribe",
    summary="Transcribe recordings",
    response_model=Transcript,
    responses={
        200: {
            "headers": HEADERS,
            "content": FORMATTED | {batch.MEDIA_TYPE: {"schema": _line_schema()}},
        },
        **ERRORS,
    },
    openapi_extra=_OPERATION,
)
async def transcribe(incoming: IncomingOf) -> Response:
    """Text with the start, end and confidence of every word; made readable on request.

    Send the audio as the body itself or as `file` in a multipart form, or give its `url` where the
    operator allows that. Its format is found out from its content, whatever its name or declared
    type. Parameters go in the query or the form. Several files, or `Accept: application/x-ndjson`,
    are answered with a line of JSON for each file as it is done.
    """
    state = incoming.state
    with ExitStack() as stack:
        stack.enter_context(incoming.admit())
        options, route = read_query(incoming, TranscribeOptions)
        incoming.check_room()
        uploads = await incoming.read(max_files=state.settings.max_batch_files)
        stack.enter_context(closing(uploads))
        if route is None:
            options, route = read_form(incoming, uploads, TranscribeOptions)
        call = _Call(incoming, options, route)
        sources = recordings(uploads, options.url)
        if len(sources) > 1 or batch.accepts_lines(incoming.request):
            failures = state.telemetry.failures
            return batch.BatchResponse(
                incoming.request,
                call.jobs(sources),
                stack.pop_all(),
                cut_off=state.service.cut_off,
                failed=lambda code: failures.labels(code).inc(),
            )
        return await incoming.run(call.answer(sources[0]))


@dataclass(frozen=True, slots=True)
class _Call:
    """One request whose body was read; a source is a recording or the URL of one."""

    incoming: IncomingRequest
    options: TranscribeOptions
    route: Route

    async def answer(self, source: RecordingFile | str) -> Response:
        """Returns the response with one recording's transcript."""
        async with self.incoming.recording(source) as file:
            output, transcript = await self._transcribe(file, self.incoming.request_id)
        return output_response(output, transcript.timing, transcript.warnings)

    def jobs(self, sources: Sequence[RecordingFile | str]) -> list[batch.Job]:
        """Returns the work on each of several recordings."""
        return [
            batch.Job(
                index,
                source if isinstance(source, str) else source.name,
                partial(self._line, source, f"{self.incoming.request_id}/{index}"),
            )
            for index, source in enumerate(sources)
        ]

    async def _line(self, source: RecordingFile | str, request_id: str) -> str:
        async with self.incoming.recording(source) as file:
            with self.incoming.part(file.size) as part:
                output, _ = await self._transcribe(file, request_id, part=part)
        return output.in_json()

    async def _transcribe(
        self, file: RecordingFile, request_id: str, *, part: Work | None = None
    ) -> tuple[Output, Transcript]:
        options, state = self.options, self.incoming.state
        diarization = await requested_diarization(state, options, owner_of(self.incoming.request))
        source, audio = file.open_to_decode(options)
        work = self.incoming.transcription(
            source,
            audio,
            self.route,
            request_id=request_id,
            diarization=diarization,
            wait_for_room=part is not None,
            work=part,
        )
        with state.progress.follow(request_id) as progress:
            transcript = await state.service.transcriber.transcribe(work, progress=progress)
        output = await asyncio.to_thread(
            transcription_output, transcript, options, recording=file.name
        )
        return output, transcript
