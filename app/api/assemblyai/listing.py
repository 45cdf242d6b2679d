"""GET /v2/transcript: AssemblyAI's pages of transcripts, the newest first."""

from collections.abc import AsyncIterator
from datetime import date
from typing import cast
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.api.assemblyai.answer import STATUSES, Status
from app.contract.jobs import MAX_PAGE, Job
from app.jobs import Jobs, Owner

_DEFAULT_LIMIT = 10
_MAX_LIMIT = 200


class ListParameters(BaseModel):
    """The query of GET /v2/transcript."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(_DEFAULT_LIMIT, ge=1, le=_MAX_LIMIT, description="How many at most.")
    status: Status | None = Field(None, description="Lists only transcripts of this status.")
    created_on: date | None = Field(None, description="Lists only those of this day, in UTC.")
    before_id: str | None = Field(
        None, max_length=200, description="Lists those that were requested before this one."
    )
    after_id: str | None = Field(
        None, max_length=200, description="Lists those that were requested after this one."
    )
    throttled_only: bool = Field(False, description="true lists none: none is throttled.")


class TranscriptItem(BaseModel):
    """One transcript of a list."""

    id: str
    resource_url: str
    status: Status
    created: str
    completed: str | None
    audio_url: str
    error: str | None


class PageDetails(BaseModel):
    """Which page it is, and where the next ones are."""

    limit: int
    result_count: int
    current_url: str
    prev_url: str | None = Field(description="Of the page with older transcripts.")
    next_url: str | None = Field(description="Of the page with newer transcripts.")


class TranscriptListBody(BaseModel):
    """The answer of GET /v2/transcript."""

    page_details: PageDetails
    transcripts: list[TranscriptItem]


async def list_transcripts(
    jobs: Jobs, owner: Owner, query: ListParameters, request: Request
) -> TranscriptListBody:
    """Returns a page of the owner's transcripts, the newest first.

    Raises:
        JobNotFoundError: the owner has no job `before_id` or `after_id`.
    """
    found: list[Job] = []
    more = False
    if not query.throttled_only:
        found, more = await _page(jobs, owner, query)
    base = f"{request.base_url}v2/transcript"
    items = [await _item(jobs, owner, job, base) for job in found]
    kept = query.model_dump(
        mode="json", exclude_defaults=True, exclude={"before_id", "after_id"}
    ) | {"limit": query.limit}

    def url(**place: str) -> str:
        return f"{base}?{urlencode(kept | place)}"

    return TranscriptListBody(
        page_details=PageDetails(
            limit=query.limit,
            result_count=len(items),
            current_url=str(request.url),
            prev_url=url(before_id=found[-1].id) if more and found else None,
            next_url=url(after_id=found[0].id) if found else None,
        ),
        transcripts=items,
    )


async def _page(jobs: Jobs, owner: Owner, query: ListParameters) -> tuple[list[Job], bool]:
    """Returns the transcripts of a page, and whether there are older ones."""
    found: list[Job] = []
    async for job in _all(jobs, owner, query.before_id):
        if query.after_id is not None and job.id == query.after_id:
            # Of all that are newer, the page has the oldest ones.
            return found[-query.limit :], True
        if query.status is not None and STATUSES[job.status] != query.status:
            continue
        if query.created_on is not None and job.created_at.date() != query.created_on:
            continue
        if query.after_id is None and len(found) == query.limit:
            return found, True
        found.append(job)
    return (found, False) if query.after_id is None else ([], False)


async def _all(jobs: Jobs, owner: Owner, before: str | None) -> AsyncIterator[Job]:
    """Yields the owner's transcripts, the newest first."""
    after = before
    while True:
        page = await jobs.list(owner, limit=MAX_PAGE, after=after, protocol="assemblyai")
        for job in page.jobs:
            yield job
        if page.next is None:
            return
        after = page.next


async def _item(jobs: Jobs, owner: Owner, job: Job, base: str) -> TranscriptItem:
    kept = await jobs.protocol_options(owner, job.id)
    submitted = cast("dict[str, JsonValue]", kept.get("request", {}))
    return TranscriptItem(
        id=job.id,
        resource_url=f"{base}/{job.id}",
        status=STATUSES[job.status],
        created=job.created_at.isoformat(),
        completed=None if job.completed_at is None else job.completed_at.isoformat(),
        audio_url=str(submitted.get("audio_url", "")),
        error=None if job.error is None else job.error.message,
    )
