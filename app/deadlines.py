"""Awaits work until a request's deadline."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from app.errors import DeadlineExceededError

_T = TypeVar("_T")


async def run_until_deadline(deadline: float | None, work: Awaitable[_T], doing: str) -> _T:
    """Returns what the work returns; cancels it at the deadline.

    Args:
        deadline: instant of `time.monotonic`; None sets no limit.
        work: is awaited.
        doing: what happened to the request meanwhile, for the message.

    Raises:
        DeadlineExceededError: the deadline passed.
    """
    remaining = None if deadline is None else deadline - time.monotonic()
    try:
        async with asyncio.timeout(remaining) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise DeadlineExceededError(f"The request's deadline passed while {doing}.") from None
        raise
