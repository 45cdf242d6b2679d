"""Runs several jobs at once and sends a line of JSON for each as it finishes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import structlog
from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from app.api.errors import error_detail, internal_error
from app.api.incoming import run_until_disconnect
from app.errors import (
    ClientDisconnectedError,
    NordlydError,
    UnavailableError,
)

MEDIA_TYPE = "application/x-ndjson"
AT_ONCE = 4
"""How many files of one request are processed at the same time, to leave room for others."""

_T = TypeVar("_T")
_log = structlog.get_logger("nordlyd.batch")


@dataclass(frozen=True, slots=True)
class Job:
    """The work on one file.

    Attributes:
        index: of the file, from 0.
        name: of the file.
        run: returns the result as JSON text, or raises.
    """

    index: int
    name: str
    run: Callable[[], Coroutine[Any, Any, str]]


def accepts_lines(request: Request) -> bool:
    """Returns whether the request accepts lines of JSON."""
    accepted = ",".join(request.headers.getlist("accept")).split(",")
    return any(part.partition(";")[0].strip().lower() == MEDIA_TYPE for part in accepted)


class BatchResponse(Response):
    """Runs jobs while it is sent; cancels them when the client disconnects.

    Args:
        request: whose body was read.
        jobs: one for each file.
        hold: exited at the end of the response, whether it was sent whole or not.
        cut_off: set when the stopping service cancels running requests.
        failed: called with the error code of every job that fails.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        request: Request,
        jobs: Sequence[Job],
        hold: AbstractContextManager[object],
        *,
        cut_off: asyncio.Event,
        failed: Callable[[str], None],
    ) -> None:
        # nginx would otherwise buffer the lines.
        super().__init__(headers={"x-accel-buffering": "no", "cache-control": "no-store"})
        del self.headers["content-length"]
        self._request = request
        self._jobs = {job.index: job for job in jobs}
        self._hold = hold
        self._cut_off = cut_off
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Sends the lines."""
        with self._hold:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            try:
                await run_until_disconnect(
                    self._request, self._send_lines(send), cut_off=self._cut_off
                )
            except ClientDisconnectedError as error:
                scope.setdefault("state", {})["error_code"] = error.code
                return
            except UnavailableError as error:
                for job in list(self._jobs.values()):
                    await self._send(send, job, self._error_line(job, error))
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_lines(self, send: Send) -> None:
        runs = [lambda job=job: self._line(job) for job in self._jobs.values()]
        async with aclosing(as_finished(runs, AT_ONCE)) as lines:
            async for job, line in lines:
                await self._send(send, job, line)

    async def _send(self, send: Send, job: Job, line: str) -> None:
        # Before it is sent: if it is cut off at a slow client, the line must not be sent twice.
        del self._jobs[job.index]
        await send({"type": "http.response.body", "body": line.encode(), "more_body": True})

    async def _line(self, job: Job) -> tuple[Job, str]:
        try:
            return job, _line(job, 200, "result", await job.run())
        except NordlydError as error:
            return job, self._error_line(job, error)
        # An unexpected error of one file must not cost the others their results.
        except Exception:
            request_id = self._request.state.request_id
            _log.exception("a file of a batch failed", index=job.index)
            return job, self._error_line(job, internal_error(request_id))

    def _error_line(self, job: Job, error: NordlydError) -> str:
        self._failed(error.code)
        return _line(job, error.status, "error", error_detail(error).model_dump_json())


async def as_finished(
    runs: Sequence[Callable[[], Coroutine[Any, Any, _T]]], at_once: int
) -> AsyncGenerator[_T]:
    """Runs coroutines, at most `at_once` at a time, and yields their results as they finish.

    Results that are not yet taken count as running. Closing the generator cancels the rest.
    """
    waiting = iter(runs)
    running: set[asyncio.Task[_T]] = set()
    try:
        while True:
            running |= {
                asyncio.create_task(run()) for run in islice(waiting, at_once - len(running))
            }
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
            running -= done
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _line(job: Job, status: int, kind: str, value: str) -> str:
    name = json.dumps(job.name, ensure_ascii=False)
    return f'{{"index":{job.index},"name":{name},"status":{status},"{kind}":{value}}}\n'
