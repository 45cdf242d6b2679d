"""Memory that nothing refers to any more, given back to the system."""

import asyncio
import ctypes
from functools import cache

_SOON_SECONDS = 1.0


def trim_soon() -> None:
    """Have the allocator give back what is free, once the running request has let go of it.

    Does nothing where the C library is not glibc. The event loop goes on meanwhile.
    """
    loop = asyncio.get_running_loop()
    loop.call_later(_SOON_SECONDS, loop.run_in_executor, None, trim)


def trim() -> None:
    """Have the allocator give back what is free."""
    function = _malloc_trim()
    if function is not None:
        function(0)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
