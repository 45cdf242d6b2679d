"""POST /render: renders a transcript given as JSON as subtitles or annotations.

For transcripts that were kept as JSON, corrected by hand, or made of a live stream.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from app.api.errors import describe_invalid
from app.api.incoming import run_until_disconnect
from app.api.openapi import ERRORS, FORMATTED, HEADERS
from app.api.outputs import base_name, rendered_output
from app.api.requested import gather
from app.api.state import AppStateOf
from app.contract.formats import FileFormat
from app.contract.layout import Layout, LayoutOptions
from app.errors import TooLargeError
from app.pipeline.options import check_format_options, parse_options
from app.rendering import GivenTranscript, NotATranscriptError

router = APIRouter(tags=["formats"])


class RenderParameters(LayoutOptions):
    """The query of POST /render."""

    response_format: FileFormat = Field("text", description="What to write.")
    word_cues: bool = Field(False, description="With vtt: marks when each word is spoken.")
    recording: str = Field("", description="The recording's file name, for names and links.")


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema without references, which would not resolve in another document."""
    definitions = schema.pop("$defs")

    def resolved(part: Any) -> Any:  # noqa: ANN401
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolved(definitions[part["$ref"].rpartition("/")[2]])
        return {name: resolved(value) for name, value in part.items()}

    return {name: resolved(value) for name, value in schema.items()}


GIVEN_TRANSCRIPT = _inlined(GivenTranscript.model_json_schema())
"""The schema of a transcript in the body of a request."""

_OPERATION: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in RenderParameters.model_json_schema()["properties"].items()
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": GIVEN_TRANSCRIPT}},
    },
}


@router.post(
    "/render",
    summary="Write a transcript in another format",
    response_class=Response,
    responses={
        200: {"headers": {"x-request-id": HEADERS["x-request-id"]}, "content": FORMATTED},
        **{status: ERRORS[status] for status in (400, 401, 413, 429, 503)},
    },
    openapi_extra=_OPERATION,
)
async def render(request: Request, state: AppStateOf) -> Response:
    """Subtitles, tables and annotations of a transcript that is known already.

    Send the JSON that POST /transcribe answered, corrected or not.
    """
    parameters = parse_options(RenderParameters, gather(request.query_params.multi_items()))
    check_format_options(parameters, parameters.response_format)
    service = state.service
    with service.hold():
        body = await read_transcript(request, state.settings.max_render_mb)
        try:
            written = await run_until_disconnect(
                request,
                state.rendering.render(
                    body,
                    parameters.response_format,
                    recording=base_name(parameters.recording) or "audio",
                    word_cues=parameters.word_cues,
                    layout=Layout.of(parameters),
                ),
                cut_off=service.cut_off,
            )
        except NotATranscriptError as error:
            raise describe_invalid(
                [issue | {"loc": ("body", *issue["loc"])} for issue in error.issues]
            ) from None
    output = rendered_output(written, parameters.response_format, parameters.recording)
    return Response(
        output.body,
        headers={"content-type": output.media_type, "content-disposition": output.disposition},
    )


async def read_transcript(request: Request, limit_mb: float) -> bytes:
    """Returns the body of a request that brings a transcript.

    Raises:
        TooLargeError: it is over the limit.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_mb * 2**20:
            raise TooLargeError(f"The transcript is over {limit_mb:g} MiB (NORDLYD_MAX_RENDER_MB).")
    return bytes(body)
