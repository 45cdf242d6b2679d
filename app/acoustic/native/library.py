"""The compiled kernels, loaded with the OpenMP runtime that torch has already loaded.

Two OpenMP runtimes in a process would keep two pools of spinning threads on the same cores;
so the object file names none, and finds torch's among the global symbols.
"""

import ctypes
import platform
import sys
from pathlib import Path

import torch

from app.acoustic.native.levels import COMPILED
from app.native_library import NativeLibrary, Signature

_POINTER, _LONG, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float

_AMX: dict[str, Signature] = {
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

# Of each level of the row kernels; the structures that they take are in rows.py.
_ROWS: dict[str, Signature] = {
    "linear": (None, [_POINTER]),
    "linear_scratch": (_LONG, [_POINTER]),
    "convolution": (None, [_POINTER]),
    "convolution_scratch": (_LONG, [_POINTER]),
    "attention": (None, [_POINTER]),
    "attention_scratch": (_LONG, [_POINTER]),
    "layer_norm": (None, [_POINTER]),
    "packed_bytes": (_LONG, [_LONG] * 4),
    "pack": (None, [_LONG, _POINTER, _LONG, _LONG, _LONG, _POINTER]),
    "int8_offset": (_LONG, []),
}


def _signatures() -> dict[str, Signature]:
    common: dict[str, Signature] = {
        "nordlyd_amx_available": (_INT, []),
        "nordlyd_levels": (_LONG, []),
    }
    for level in COMPILED:
        for name, signature in _ROWS.items():
            common[f"nordlyd_{level.symbol}_{name}"] = signature
    return common | (_AMX if platform.machine() == "x86_64" else {})


def _load_openmp() -> None:
    ctypes.CDLL(str(_openmp_runtime()), mode=ctypes.RTLD_GLOBAL)


def _openmp_runtime() -> Path | str:
    root = Path(torch.__file__).parent
    bundled = [*root.glob("lib/libgomp*.so*"), *root.parent.glob("torch.libs/libgomp*.so*")]
    return bundled[0] if bundled else "libgomp.so.1"


LIBRARY = NativeLibrary(
    Path(__file__).parent,
    "_kernels",
    _signatures(),
    without="the encoder runs on torch's kernels",
    prepare=_load_openmp,
)


def load_library() -> ctypes.CDLL | None:
    """Returns the compiled kernels, or None where they cannot be loaded or there are none."""
    if sys.platform != "linux" or not COMPILED:
        return None
    return LIBRARY.load()
