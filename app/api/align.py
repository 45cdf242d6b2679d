"""POST /align: finds the time of every word of a text in a recording."""

import asyncio
from contextlib import closing
from typing import Any

from fastapi import APIRouter, Response

from app.api.incoming import IncomingOf
from app.api.openapi import BINARY, ERRORS, FORMATTED, HEADERS
from app.api.outputs import Output, base_name, json_output, output_response, rendered_output
from app.api.parameters import gather
from app.contract.answers import Alignment
from app.contract.options import AlignOptions
from app.errors import InvalidRequestError
from app.formats import as_transcript, render
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
async def align(incoming: IncomingOf) -> Response:
    """The start and end of every word of a text that is known.

    Send the audio as `file` and the text as `text` in a multipart form. Words come back as they
    were written. A word that is not spoken is not found; speech that is not in the text is
    skipped.
    """
    transcriber = incoming.state.service.transcriber
    with incoming.admit():
        options = parse_options(AlignOptions, gather(incoming.query))
        incoming.set_timeout(options.timeout)
        # A form may still name the model.
        if options.model is not None or not incoming.content_type.is_multipart:
            transcriber.route(options.model, options.language)
        incoming.check_room()
        with closing(await incoming.read()) as uploads:
            (file,) = uploads.require()
            options = parse_options(AlignOptions, gather(incoming.query, uploads.fields))
            incoming.set_timeout(options.timeout)
            text = _text(options)
            route = transcriber.route(options.model, options.language)
            source, audio = file.open_to_decode(options)
        work = incoming.transcription(source, audio, route)
        with incoming.state.progress.follow(work.request_id) as progress:
            aligned = await incoming.run(transcriber.align(work, text, progress=progress))
        output = await asyncio.to_thread(_output, aligned, options, file.name)
        return output_response(output, aligned.timing, aligned.warnings)


def _text(parameters: AlignOptions) -> str:
    if parameters.text is None:
        raise InvalidRequestError(
            "There is no `text`; send the spoken text as a field of the form.", param="text"
        )
    return parameters.text


def _output(aligned: Alignment, parameters: AlignOptions, recording: str) -> Output:
    name = parameters.response_format
    if name == "json":
        answer = aligned if parameters.characters else aligned.without_characters()
        return json_output(answer.to_json(), recording)
    rendered = render(as_transcript(aligned), name, recording=base_name(recording) or "audio")
    return rendered_output(rendered, name, recording)
