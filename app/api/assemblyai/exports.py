"""The sentences, paragraphs, subtitles and words of a transcript, in AssemblyAI's API."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.assemblyai.answer import (
    ParagraphsBody,
    SentencesBody,
    paragraphs_body,
    sentences_body,
)
from app.api.assemblyai.search import SearchBody, SearchParameters, search_words
from app.api.assemblyai.transcripts import formatted, requested
from app.api.errors.assemblyai import DOCUMENTED
from app.api.jobs.read import JobIdOf, OwnerOf, completed
from app.api.openapi import openapi_parameters
from app.api.requested import gather
from app.api.state import AppState, AppStateOf
from app.contract.answers import Transcript
from app.contract.jobs import Job
from app.errors import JobNotFoundError
from app.formats import SubtitleRules, render
from app.jobs import Owner
from app.pipeline.options import parse_options

router = APIRouter(tags=["compatible"])

_MIN_CHARACTERS = 2
_MAX_CHARACTERS = 1000


class SubtitleParameters(BaseModel):
    """The query of the routes of subtitles."""

    model_config = ConfigDict(extra="forbid")

    chars_per_caption: int | None = Field(
        None,
        ge=_MIN_CHARACTERS,
        le=_MAX_CHARACTERS,
        description="Most characters of a subtitle, in two lines of half as many; longer words "
        "stay whole.",
    )


_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    **DOCUMENTED,
}
_SUBTITLES: dict[str, Any] = {"parameters": openapi_parameters(SubtitleParameters)}


@router.get(
    "/v2/transcript/{job_id}/sentences",
    summary="Fetch the sentences of a transcript, in AssemblyAI's API",
    responses=DOCUMENTED,
)
async def sentences(job_id: JobIdOf, state: AppStateOf, owner: OwnerOf) -> SentencesBody:
    """The sentences of a completed transcript, with their words."""
    job, transcript = await _completed(state, owner, job_id)
    return await asyncio.to_thread(sentences_body, job, transcript)


@router.get(
    "/v2/transcript/{job_id}/paragraphs",
    summary="Fetch the paragraphs of a transcript, in AssemblyAI's API",
    responses=DOCUMENTED,
)
async def paragraphs(job_id: JobIdOf, state: AppStateOf, owner: OwnerOf) -> ParagraphsBody:
    """The paragraphs of a completed transcript, with their words."""
    job, transcript = await _completed(state, owner, job_id)
    return await asyncio.to_thread(paragraphs_body, job, transcript)


@router.get(
    "/v2/transcript/{job_id}/srt",
    summary="Fetch a transcript as SubRip, in AssemblyAI's API",
    response_class=Response,
    responses=_TEXT,
    openapi_extra=_SUBTITLES,
)
async def srt(job_id: JobIdOf, request: Request, state: AppStateOf, owner: OwnerOf) -> Response:
    """The subtitles of a completed transcript."""
    return await _subtitles(job_id, request, state, owner, "srt")


@router.get(
    "/v2/transcript/{job_id}/vtt",
    summary="Fetch a transcript as WebVTT, in AssemblyAI's API",
    response_class=Response,
    responses=_TEXT,
    openapi_extra=_SUBTITLES,
)
async def vtt(job_id: JobIdOf, request: Request, state: AppStateOf, owner: OwnerOf) -> Response:
    """The subtitles of a completed transcript."""
    return await _subtitles(job_id, request, state, owner, "vtt")


@router.get(
    "/v2/transcript/{job_id}/word-search",
    summary="Search a transcript, in AssemblyAI's API",
    responses=DOCUMENTED,
    openapi_extra={
        "parameters": [
            parameter | {"required": True} for parameter in openapi_parameters(SearchParameters)
        ]
    },
)
async def word_search(
    job_id: JobIdOf, request: Request, state: AppStateOf, owner: OwnerOf
) -> SearchBody:
    """Where words or phrases are in a completed transcript."""
    query = parse_options(SearchParameters, gather(request.query_params.multi_items()))
    job, transcript = await _completed(state, owner, job_id)
    return await asyncio.to_thread(
        search_words, transcript.written_words, query.words, transcript_id=job.id
    )


async def _subtitles(
    job_id: str, request: Request, state: AppState, owner: Owner, name: Literal["srt", "vtt"]
) -> Response:
    query = parse_options(SubtitleParameters, gather(request.query_params.multi_items()))
    rules = SubtitleRules()
    if query.chars_per_caption is not None:
        # A line break counts as a character.
        rules = SubtitleRules(line_length=max(1, (query.chars_per_caption - 1) // 2))
    _, transcript = await _completed(state, owner, job_id)
    rendered = await asyncio.to_thread(render, transcript, name, rules=rules)
    return Response(rendered.body, media_type="text/plain; charset=utf-8")


async def _completed(state: AppState, owner: Owner, job_id: str) -> tuple[Job, Transcript]:
    """Returns a job and its formatted transcript.

    Raises:
        JobNotFoundError: the owner has no such transcript.
        JobNotCompletedError: it is not completed.
        NordlydError: it failed; this is the reason.
    """
    job = await completed(state, owner, job_id)
    transcript = await formatted(state, owner, job, await requested(state, owner, job))
    if transcript is None:
        raise JobNotFoundError("The job is an alignment; accepted: the id of a transcript.")
    return job, transcript
