"""PUT /jobs/{id}/result: a corrected transcript in place of what was recognised."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.jobs.errors import ETAG, READ
from app.api.jobs.read import JobIdOf, OwnerOf, entity_tag
from app.api.openapi import ERRORS, HEADERS, openapi_parameters
from app.api.render import GIVEN_TRANSCRIPT, read_transcript
from app.api.requested import gather
from app.api.state import AppStateOf
from app.audio.content_types import ContentType
from app.contract.answers import Transcript
from app.contract.errors import ErrorBody
from app.contract.jobs import Job
from app.corrections import ACCEPTED, CorrectionFormatError, read_correction
from app.errors import InvalidRequestError
from app.pipeline.options import parse_options

router = APIRouter(tags=["jobs"])

_IF_MATCH = "if-match"
_EXAMPLES = {
    "text/plain": "Stortingets møte er lovlig satt.\n",
    "text/srt": "1\n00:00:00,120 --> 00:00:02,400\nStortingets møte er lovlig satt.\n",
    "application/x-subrip": "1\n00:00:00,120 --> 00:00:02,400\nStortingets møte er lovlig satt.\n",
    "text/vtt": "WEBVTT\n\n00:00:00.120 --> 00:00:02.400\nStortingets møte er lovlig satt.\n",
}


class CorrectParameters(BaseModel):
    """The query of PUT /jobs/{id}/result."""

    model_config = ConfigDict(extra="forbid")

    training: bool | None = Field(
        None,
        description="Whether the corrected transcript and the recording may be kept to train "
        "models, where the operator allows it; as agreed to before by default.",
    )


_OPERATION: dict[str, Any] = {
    "parameters": [
        *openapi_parameters(CorrectParameters),
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The `ETag` of the result that was corrected: replaces no other.",
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": GIVEN_TRANSCRIPT},
            **{
                name: {"schema": {"type": "string"}, "example": example}
                for name, example in _EXAMPLES.items()
            },
        },
    },
}


@router.put(
    "/jobs/{job_id}/result",
    summary="Replace the result of a job by a corrected one",
    responses={
        200: {
            "headers": {"x-request-id": HEADERS["x-request-id"], "etag": ETAG},
            "model": Job,
            "description": "The job, with the time of the correction.",
        },
        **READ,
        409: {
            "model": ErrorBody,
            "description": "The job has no result, or its correction cannot be kept for training.",
        },
        412: {"model": ErrorBody, "description": "The result is not that of `If-Match` any more."},
        **{status: ERRORS[status] for status in (413, 507)},
    },
    response_class=Response,
    openapi_extra=_OPERATION,
)
async def put_result(
    job_id: JobIdOf, request: Request, state: AppStateOf, owner: OwnerOf
) -> Response:
    """Keeps a corrected transcript, which GET then answers, as long as the job.

    Send the JSON that GET answered, corrected, or the text, SubRip or WebVTT. Words of a text and
    of subtitles get the times of what was recognised.
    """
    query = parse_options(CorrectParameters, gather(request.query_params.multi_items()))
    media_type = ContentType.parse(request.headers.get("content-type")).essence
    if media_type not in ACCEPTED:
        raise InvalidRequestError(
            f"The content type is {media_type or 'missing'}; accepted: {', '.join(ACCEPTED)}.",
            param="Content-Type",
        )
    with state.service.hold():
        body = await read_transcript(request, state.settings.max_render_mb)
        job = await state.jobs.corrections.put(
            owner,
            job_id,
            partial(_read, body, media_type),
            training=query.training,
            versions=_versions(request.headers.get(_IF_MATCH)),
        )
    return Response(
        job.model_dump_json(), media_type="application/json", headers={"etag": entity_tag(job)}
    )


def _read(body: bytes, media_type: str, original: Transcript) -> Transcript:
    """Returns the corrected transcript.

    Raises:
        InvalidRequestError: the body is none.
    """
    try:
        return read_correction(body, media_type, original)
    except CorrectionFormatError as error:
        raise InvalidRequestError(
            f"The corrected transcript cannot be read as {media_type}: {error}.", param="body"
        ) from None


def _versions(if_match: str | None) -> frozenset[str] | None:
    """Returns the versions of `If-Match` (RFC 9110, 13.1.1); None where any is accepted."""
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(tag.strip().strip('"') for tag in if_match.split(","))
