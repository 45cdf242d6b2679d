"""POST /align: finds the time of every word of a text in a recording."""

import asyncio
from contextlib import closing
from typing import Any

from fastapi import APIRouter, Response

from app.api.incoming import IncomingOf
from app.api.openapi import BINARY, ERRORS, FORMATTED, HEADERS
from app.api.outputs import alignment_output, output_response
from app.api.requested import read_align_form, read_align_query
from app.contract.answers import Alignment
from app.contract.options import AlignOptions

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
        read_align_query(incoming, AlignOptions)
        incoming.check_room()
        with closing(await incoming.read()) as uploads:
            (file,) = uploads.require()
            options, text, route = read_align_form(incoming, uploads, AlignOptions)
            source, audio = file.open_to_decode(options)
        work = incoming.transcription(source, audio, route)
        with incoming.state.progress.follow(work.request_id) as progress:
            aligned = await incoming.run(transcriber.align(work, text, progress=progress))
        output = await asyncio.to_thread(alignment_output, aligned, options, recording=file.name)
        return output_response(output, aligned.timing, aligned.warnings)
