"""The compiled kernels, loaded with the OpenMP runtime that torch has already loaded.

Two OpenMP runtimes in a process would keep two pools of spinning threads on the same cores;
so the object file names none, and finds torch's among the global symbols.
"""

import ctypes
import os
from functools import lru_cache
from pathlib import Path

import torch

_POINTER, _LONG, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float

_SIGNATURES: dict[str, tuple[type | None, list[type]]] = {
    "nordlyd_amx_available": (_INT, []),
    "nordlyd_linear_scratch": (_LONG, [_LONG, _LONG]),
    "nordlyd_linear": (
        None,
        [
            *(_POINTER, *(_LONG,) * 5, _POINTER, *(_LONG,) * 3, _POINTER, _POINTER, _POINTER),
            *(_LONG, _LONG, _LONG, _INT, _INT, _POINTER, _POINTER, _POINTER),
        ],
    ),
    "nordlyd_quantise": (None, [_POINTER, _LONG, _LONG, _POINTER, _POINTER]),
    "nordlyd_convolution_scratch": (_LONG, [_LONG]),
    "nordlyd_convolution": (
        None,
        [
            *(_POINTER, *(_LONG,) * 5, _POINTER, _LONG, _POINTER, _POINTER, _POINTER, _FLOAT),
            *(_POINTER, _LONG, _POINTER),
        ],
    ),
    "nordlyd_layer_norm": (
        None,
        [_POINTER, _LONG, _LONG, _POINTER, _POINTER, _FLOAT, _POINTER],
    ),
    "nordlyd_attention_scratch": (_LONG, [_LONG] * 4),
    "nordlyd_attention": (None, [_POINTER, *(_LONG,) * 4, _POINTER, _POINTER]),
}


@lru_cache(maxsize=1)
def load_library() -> ctypes.CDLL | None:
    """The kernels, or None where they were not compiled or this CPU cannot run them."""
    if os.name != "posix":
        return None
    for path in sorted(Path(__file__).parent.glob("_kernels*.so")):
        try:
            ctypes.CDLL(str(_openmp_runtime()), mode=ctypes.RTLD_GLOBAL)
            library = ctypes.CDLL(str(path))
        except OSError:
            # Built for another machine, or without an OpenMP runtime to be found.
            continue
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        if library.nordlyd_amx_available():
            return library
    return None


def _openmp_runtime() -> Path | str:
    root = Path(torch.__file__).parent
    bundled = [*root.glob("lib/libgomp*.so*"), *root.parent.glob("torch.libs/libgomp*.so*")]
    return bundled[0] if bundled else "libgomp.so.1"
