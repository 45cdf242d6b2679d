"""Sizes of files in, permission to work on them out, so that few large ones are open at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """Lets work begin in order while all that runs is within a sum; alone, anything may run.

    Args:
        size: the sum, in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._freed = asyncio.Condition()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait until a file of so many bytes fits, and count it for as long as the block lasts."""
        # Whoever waits holds up those behind, or small files would keep a large one out.
        async with self._turn, self._freed:
            await self._freed.wait_for(lambda: not self._used or self._used + size <= self._size)
            self._used += size
        try:
            yield
        finally:
            self._used -= size
            async with self._freed:
                self._freed.notify_all()
