"""GET /jobs and its like: the jobs of the caller, one of them, its result; and DELETE."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import owner_of
from app.api.errors import error_of_detail
from app.api.incoming import run_until_disconnect
from app.api.jobs.errors import ETAG, NOT_FOUND, READ
from app.api.openapi import ERRORS, FORMATTED, HEADERS, openapi_parameters
from app.api.outputs import (
    Output,
    alignment_output,
    output_response,
    transcription_output,
)
from app.api.requested import gather
from app.api.state import AppState, AppStateOf
from app.contract.answers import Alignment, Transcript
from app.contract.errors import ErrorBody
from app.contract.formats import ResponseFormat
from app.contract.jobs import MAX_PAGE, MAX_WAIT_SECONDS, PAGE, Job, JobPage, JobStatus
from app.contract.layout import LayoutOptions, option_without_effect
from app.contract.options import AlignOptions, TranscribeOptions
from app.errors import InvalidRequestError, JobNotCompletedError, JobNotFoundError, UnavailableError
from app.jobs import JobResult, result_version
from app.pipeline.options import check_format_options, parse_options

router = APIRouter(tags=["jobs"])

_OptionsT = TypeVar("_OptionsT", TranscribeOptions, AlignOptions)

OwnerOf = Annotated[str, Depends(owner_of)]


class ListParameters(BaseModel):
    """The query of GET /jobs."""

    model_config = ConfigDict(extra="forbid")

    status: JobStatus | None = Field(None, description="Lists only jobs of this status.")
    limit: int = Field(PAGE, ge=1, le=MAX_PAGE, description="How many jobs a page has at most.")
    after: str | None = Field(
        None, max_length=200, description="The `next` of the page before; none for the first one."
    )


class WaitParameters(BaseModel):
    """The query of GET /jobs/{id}."""

    model_config = ConfigDict(extra="forbid")

    wait: float = Field(
        0.0,
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="Seconds to wait for the end of the job before answering.",
    )


class ResultParameters(LayoutOptions):
    """The query of GET /jobs/{id}/result; by default as POST /jobs had them."""

    model_config = ConfigDict(extra="forbid")

    response_format: ResponseFormat | None = Field(None, description="What to answer with.")
    word_cues: bool | None = Field(None, description="With vtt: marks the time of each word.")
    words: bool | None = Field(None, description="Whether to list the words with their times.")
    characters: bool | None = Field(
        None, description="Of an alignment: whether to list the characters of every word."
    )


def _known(job_id: str) -> str:
    """Returns the id of a path; refuses what no database should be queried for."""
    if not (job_id.isascii() and job_id.isprintable()):
        raise JobNotFoundError("There is no such job.", param="id")
    return job_id


JobIdOf = Annotated[str, Depends(_known)]


@router.get(
    "/jobs",
    summary="List the caller's jobs",
    responses={status: READ[status] for status in (400, 401, 403, 503)},
    openapi_extra={"parameters": openapi_parameters(ListParameters)},
)
async def list_jobs(request: Request, state: AppStateOf, owner: OwnerOf) -> JobPage:
    """The jobs that were handed in with the same API key, the newest first."""
    query = parse_options(ListParameters, gather(request.query_params.multi_items()))
    return await state.jobs.list(owner, status=query.status, limit=query.limit, after=query.after)


@router.get(
    "/jobs/{job_id}",
    summary="How far is a job?",
    responses=READ,
    openapi_extra={"parameters": openapi_parameters(WaitParameters)},
)
async def get_job(job_id: JobIdOf, request: Request, state: AppStateOf, owner: OwnerOf) -> Job:
    """The job as it is, or with `wait` as it is at its end if that comes sooner."""
    query = parse_options(WaitParameters, gather(request.query_params.multi_items()))
    jobs = state.jobs
    if query.wait:
        draining = state.service.draining
        try:
            return await run_until_disconnect(
                request, jobs.get(owner, job_id, wait=query.wait), cut_off=draining
            )
        except UnavailableError:
            if not draining.is_set():
                raise
    return await jobs.get(owner, job_id)


@router.get(
    "/jobs/{job_id}/result",
    summary="Fetch the result of a job",
    response_model=Transcript | Alignment,
    responses={
        200: {"headers": {**HEADERS, "etag": ETAG}, "content": FORMATTED},
        **READ,
        409: {"model": ErrorBody, "description": "The job has no result yet, or ended without."},
        **{status: ERRORS[status] for status in (413, 415, 422, 507)},
    },
    openapi_extra={"parameters": openapi_parameters(ResultParameters)},
)
async def get_result(
    job_id: JobIdOf, request: Request, state: AppStateOf, owner: OwnerOf
) -> Response:
    """What POST /transcribe or POST /align would have answered, in any of their formats.

    Of a transcript that was corrected, what it was corrected to. A job that failed is answered with
    the error that made it fail.
    """
    query = parse_options(ResultParameters, gather(request.query_params.multi_items()))
    jobs = state.jobs
    job = await completed(state, owner, job_id)
    options = await jobs.options(owner, job_id)
    result = await jobs.result(owner, job_id)
    output = await asyncio.to_thread(_output, result, query, options, job.name)
    response = output_response(output, result.timing, result.warnings)
    # Read before the result: one that was corrected in between is refused to be overwritten.
    response.headers["etag"] = entity_tag(job)
    return response


def entity_tag(job: Job) -> str:
    """Returns the `ETag` of a job's result, the same in every format; see `result_version`."""
    return f'"{result_version(job)}"'


@router.delete(
    "/jobs/{job_id}", summary="Cancel and erase a job", status_code=204, responses=NOT_FOUND
)
async def delete_job(job_id: JobIdOf, state: AppStateOf, owner: OwnerOf) -> Response:
    """Ends the work on a job, and erases the recording, the result and all that is known of it."""
    await state.jobs.delete(owner, job_id)
    return Response(status_code=204)


async def completed(state: AppState, owner: str, job_id: str) -> Job:
    """Returns a job that has a result.

    Raises:
        JobNotFoundError: the owner has no such job.
        JobNotCompletedError: it has not ended, or was cancelled.
        NordlydError: it failed; this is the reason.
    """
    job = await state.jobs.get(owner, job_id)
    if job.error is not None:
        raise error_of_detail(job.error)
    if job.status != "completed":
        raise JobNotCompletedError(
            f"The job is {job.status}; accepted: the id of one that is completed.", param="id"
        )
    return job


def _output(
    result: JobResult, query: ResultParameters, options: Mapping[str, object], recording: str
) -> Output:
    """Returns a result in the format of the query, or else of the job."""
    given = query.model_dump(exclude_none=True)
    if isinstance(result, Alignment):
        return alignment_output(result, _merged(AlignOptions, options, given), recording=recording)
    merged = _merged(TranscribeOptions, _suiting(options, query), given)
    check_format_options(merged, merged.response_format)
    return transcription_output(result, merged, recording=recording)


def _suiting(options: Mapping[str, object], query: ResultParameters) -> dict[str, object]:
    """Returns the options of a job without those that the format of the query does not have."""
    formats = (query.response_format or str(options.get("response_format", "json")),)
    return {
        name: value
        for name, value in options.items()
        if option_without_effect({name: value}, formats, named="response_format=") is None
    }


def _merged(
    model: type[_OptionsT], options: Mapping[str, object], given: Mapping[str, object]
) -> _OptionsT:
    """Returns the options of a job, changed by those of a query.

    Raises:
        InvalidRequestError: the query has one that this kind of job does not have.
    """
    for name in given:
        if name not in model.model_fields:
            raise InvalidRequestError(
                f"The job has no {name}; accepted: those of "
                f"{'/align' if model is AlignOptions else '/transcribe'}.",
                param=name,
            )
    return model.model_validate({**options, **given})
