"""Bounds what is between two stages of a pipeline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """Lets work enter in order while what is inside is below a size.

    One piece may exceed it, so that a long recording does not wait for an empty room, before which
    the next stage would have nothing to do.

    Args:
        size: in the unit of the work.
    """

    def __init__(self, size: float) -> None:
        self._size = size
        self._used = 0.0
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    @asynccontextmanager
    async def hold(self, amount: float) -> AsyncIterator[None]:
        """Waits until work may enter, and counts it while the block lasts."""
        async with self._turn:
            while self._used >= self._size:
                self._left.clear()
                await self._left.wait()
            self._used += amount
        try:
            yield
        finally:
            self._used -= amount
            self._left.set()
