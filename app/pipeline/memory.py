"""Returns free memory to the operating system."""

import asyncio
import ctypes
from functools import cache

_SOON_SECONDS = 1.0


def trim_soon() -> None:
    """Has the allocator return free memory a second later, once the request has released its own.

    Does nothing where the C library is not glibc. Does not block the event loop.
    """
    loop = asyncio.get_running_loop()
    loop.call_later(_SOON_SECONDS, loop.run_in_executor, None, trim)


def trim() -> None:
    """Has the allocator return free memory (malloc_trim)."""
    function = _malloc_trim()
    if function is not None:
        function(0)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
