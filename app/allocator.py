"""Settings of glibc's allocator, which keeps memory that was released; nothing without glibc."""

import ctypes
import os
from functools import cache

_M_ARENA_MAX = -8  # of <malloc.h>
# Each thread has an arena of its own by default, and each arena keeps what the largest work of its
# thread took: models that are loaded again and again grow a service by 190 MiB.
_ARENAS = 2


def limit_arenas() -> None:
    """Has all threads of this process share two arenas, unless MALLOC_ARENA_MAX is set.

    Arenas that exist already stay, so this is called before there are threads.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        function = _function("mallopt")
        if function is not None:
            function(_M_ARENA_MAX, _ARENAS)


def trim() -> None:
    """Returns free memory to the operating system (malloc_trim)."""
    function = _function("malloc_trim")
    if function is not None:
        function(0)


@cache
def _function(name: str) -> "ctypes._NamedFuncPointer | None":
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except OSError:
        return None
