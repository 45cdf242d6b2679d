"""POST /align: a recording and what is said in it in, the time of every word out."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.caller import caller_of
from app.api.disconnects import run_until_disconnect
from app.api.outputs import Output, base_name, json_output, rendered_output
from app.api.parameters import deadline_of, gather
from app.api.raw_bodies import decode_options
from app.api.state import AppStateOf
from app.api.transcribe import BINARY, ERRORS, FORMATTED, HEADERS, output_response
from app.api.upload import Upload, is_form, read_upload
from app.contract.answers import Alignment
from app.contract.options import AlignOptions
from app.errors import InvalidRequestError
from app.formats import as_transcript, render
from app.pipeline import TranscriptionRequest
from app.pipeline.options import parse_options

router = APIRouter(tags=["alignment"])


_FIELDS = AlignOptions.model_json_schema()["properties"]
_OPERATION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "text"],
                    "properties": {"file": BINARY, **_FIELDS},
                }
            }
        },
    },
}


@router.post(
    "/align",
    summary="Find the words of a text in a recording",
    response_model=Alignment,
    responses={200: {"headers": HEADERS, "content": FORMATTED}, **ERRORS},
    openapi_extra=_OPERATION,
)
async def align(request: Request, parts: AppStateOf) -> Response:
    """The start and end of every word of a text that is known.

    Send the audio as `file` and the text as `text` in a multipart form. Words come back as they
    were written. A word that is not said is not found; what is said and not written is passed
    over.
    """
    service = parts.service
    with service.admit(caller_of(request)):
        query = request.query_params.multi_items()
        checked = parse_options(AlignOptions, gather(query))
        deadline_of(request, checked.timeout)
        # A form may name the model yet.
        if checked.model is not None or not is_form(request):
            service.transcriber.route(checked.model, checked.language)
        service.check_room(caller_of(request), request.state.deadline)
        upload = await read_upload(request)
        try:
            parameters = parse_options(AlignOptions, gather(query, upload.fields))
            text = _text(parameters)
            work = _request(request, upload, parameters)
            service.transcriber.route(work.model, work.language)
        except BaseException:
            upload.audio.close()
            raise
        with parts.progress.follow(work.request_id) as progress:
            aligned = await run_until_disconnect(
                request,
                service.transcriber.align(work, text, progress=progress),
                cut_off=service.cut_off,
            )
        output = await asyncio.to_thread(_output, aligned, parameters, upload.name)
        return output_response(output, aligned.timing, aligned.warnings)


def _text(parameters: AlignOptions) -> str:
    if parameters.text is None:
        raise InvalidRequestError(
            "There is no `text`; send what is said as a field of the form.", param="text"
        )
    return parameters.text


def _request(request: Request, upload: Upload, parameters: AlignOptions) -> TranscriptionRequest:
    return TranscriptionRequest(
        source=upload.audio,
        request_id=request.state.request_id,
        audio=decode_options(parameters, upload.content_type, upload.audio),
        caller=caller_of(request),
        model=parameters.model,
        language=parameters.language,
        deadline=deadline_of(request, parameters.timeout),
    )


def _output(aligned: Alignment, parameters: AlignOptions, recording: str) -> Output:
    name = parameters.response_format
    if name == "json":
        answer = aligned if parameters.characters else aligned.without_characters()
        return json_output(answer.to_json(), recording)
    rendered = render(as_transcript(aligned), name, recording=base_name(recording) or "audio")
    return rendered_output(rendered, name, recording)
