"""Returns free memory to the operating system once much decoded audio has been released."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.allocator import trim

_SOON_SECONDS = 1.0
# Of audio. Returning memory costs more than it is worth after a few clips.
_WORTH_TRIMMING_SECONDS = 600.0
_WORTH_TRIMMING_IDLE_SECONDS = 120.0


class AudioMemory:
    """Counts the decoded audio in memory, and has free memory returned after much was released.

    The allocator keeps for itself what the longest queue so far took, in heaps that it shrinks
    only from their ends. Does not block the event loop.
    """

    def __init__(self) -> None:
        self._held = 0.0
        self._peak = 0.0

    @contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Counts so many seconds of audio for as long as the context is open."""
        self._held += seconds
        self._peak = max(self._peak, self._held)
        try:
            yield
        finally:
            self._release(seconds)

    def _release(self, seconds: float) -> None:
        # Floating-point sums of what was added and subtracted do not end at zero.
        self._held = max(0.0, round(self._held - seconds, 3))
        idle = self._held == 0.0
        worth = _WORTH_TRIMMING_IDLE_SECONDS if idle else _WORTH_TRIMMING_SECONDS
        if self._peak - self._held >= worth:
            self._peak = self._held
            _trim_soon()


def _trim_soon() -> None:
    """Has the allocator return free memory a second later, once requests have released theirs."""
    loop = asyncio.get_running_loop()
    loop.call_later(_SOON_SECONDS, loop.run_in_executor, None, trim)
