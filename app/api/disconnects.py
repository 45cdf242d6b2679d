"""Work for a client in, its result out, or an end to it once nobody waits for the answer."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from app.errors import ClientDisconnectedError, UnavailableError

_T = TypeVar("_T")


async def run_until_disconnect(
    request: Request, work: Coroutine[Any, Any, _T], *, cut_off: asyncio.Event
) -> _T:
    """Run work for as long as its client is there.

    Args:
        request: its body must have been read.
        work: cancelled when the client hangs up or the service must end.
        cut_off: set when a stopping service waits no longer.

    Raises:
        ClientDisconnectedError: the client hung up.
        UnavailableError: the service ends before the work does.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    stopped = asyncio.ensure_future(cut_off.wait())
    try:
        await asyncio.wait({task, gone, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return await task
        if gone.done():
            raise ClientDisconnectedError("The client hung up before the answer was ready.")
        raise UnavailableError(
            "The service stopped before this request was finished.", code="draining"
        )
    finally:
        for future in (task, gone, stopped):
            future.cancel()
        await asyncio.gather(task, gone, stopped, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
