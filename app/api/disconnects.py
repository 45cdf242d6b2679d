"""Runs work for a client, and cancels it when the client disconnects or the service stops."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from app.errors import ClientDisconnectedError, UnavailableError

_T = TypeVar("_T")


async def run_until_disconnect(
    request: Request, work: Coroutine[Any, Any, _T], *, cut_off: asyncio.Event
) -> _T:
    """Returns the result of the work; cancels it when the client disconnects.

    Args:
        request: its body must have been read.
        work: what to run.
        cut_off: set when a stopping service no longer waits for requests.

    Raises:
        ClientDisconnectedError: the client disconnected before the work was done.
        UnavailableError: the service stopped before the work was done.
    """
    task = asyncio.ensure_future(work)
    disconnected = asyncio.ensure_future(_wait_for_disconnect(request))
    stopped = asyncio.ensure_future(cut_off.wait())
    try:
        await asyncio.wait({task, disconnected, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return await task
        if disconnected.done():
            raise ClientDisconnectedError("The client disconnected before the answer was ready.")
        raise UnavailableError(
            "The service stopped before this request was finished.", code="draining"
        )
    finally:
        for future in (task, disconnected, stopped):
            future.cancel()
        await asyncio.gather(task, disconnected, stopped, return_exceptions=True)


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
