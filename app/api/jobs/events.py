"""GET /jobs/{id}/events: the status and progress of a job as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.responses import StreamingResponse

from app.api import sse
from app.api.jobs.errors import READ
from app.api.jobs.read import JobIdOf, OwnerOf
from app.api.paths import is_head
from app.api.state import AppStateOf
from app.contract.jobs import JobEvent
from app.errors import InvalidRequestError

router = APIRouter(tags=["jobs"])

_MAX_DIGITS = 18
_SCHEMA = {"schema": {"type": "string"}}


@router.get(
    "/jobs/{job_id}/events",
    summary="Follow a job",
    response_class=Response,
    responses={
        200: {
            "description": "Events of the types `status` and `progress`, each with its `id`, its "
            "`event` and the `job` in JSON as its data.",
            "content": {sse.MEDIA_TYPE: _SCHEMA},
        },
        204: {"description": "The job has ended, and the client has every event of it."},
        **READ,
    },
)
async def follow(
    job_id: JobIdOf,
    request: Request,
    state: AppStateOf,
    owner: OwnerOf,
    last_event_id: Annotated[
        str | None, Header(description="Of the last event that the client has.")
    ] = None,
) -> Response:
    """Events until the job has ended; a client that was cut off continues by `Last-Event-ID`."""
    after = _parse_id(last_event_id)
    jobs = state.jobs
    await jobs.get(owner, job_id)
    if is_head(request.scope):
        return Response(headers=sse.HEADERS, media_type=sse.MEDIA_TYPE)
    stream = _EventStream(jobs.events(owner, job_id, after=after), state.service.draining)
    if await stream.is_over():
        return Response(status_code=204)
    return StreamingResponse(stream.lines(), media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


class _EventStream:
    """The events of a job as they are sent, with a comment where there is none for long.

    Args:
        events: of the job.
        stop: ends the stream; clients connect again.
    """

    def __init__(self, events: AsyncIterator[JobEvent], stop: asyncio.Event) -> None:
        self._events = events
        self._stop = stop
        self._next: asyncio.Task[JobEvent | None] | None = None

    async def is_over(self) -> bool:
        """Returns whether there is no event to come; waits a moment for the first one."""
        self._next = asyncio.create_task(self._receive())
        done, _ = await asyncio.wait({self._next}, timeout=_FIRST_SECONDS)
        return bool(done) and self._next.result() is None

    async def lines(self) -> AsyncIterator[str]:
        """Yields the text of the stream."""
        stopped = asyncio.create_task(self._stop.wait())
        try:
            while True:
                if self._next is None:
                    self._next = asyncio.create_task(self._receive())
                await asyncio.wait(
                    {self._next, stopped},
                    timeout=sse.KEEP_ALIVE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._next.done():
                    event = self._next.result()
                    self._next = None
                    if event is None:
                        return
                    yield sse.encode_event(
                        event.model_dump_json(), name=event.event, event_id=event.id
                    )
                elif stopped.done():
                    return
                else:
                    yield sse.KEEP_ALIVE
        finally:
            stopped.cancel()
            if self._next is not None:
                self._next.cancel()
                with suppress(asyncio.CancelledError):
                    await self._next

    async def _receive(self) -> JobEvent | None:
        """Returns the next event; None after the last one."""
        return await anext(self._events, None)


_FIRST_SECONDS = 0.5


def _parse_id(text: str | None) -> int:
    if text is None or not text.strip():
        return 0
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS):
        raise InvalidRequestError(
            f"Last-Event-ID is {text[:40]!r}; accepted: the id of an event.", param="Last-Event-ID"
        )
    return int(digits)
