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
from app.native_header import read_header
from app.native_library import NativeLibrary, Signature

_FOLDER = Path(__file__).parent
_SIMD = read_header(_FOLDER / "simd_api.h")

Product = _SIMD.structures["product"]
LayerNorm = _SIMD.structures["norm"]
AttentionTask = _SIMD.structures["attention"]


def _signatures() -> dict[str, Signature]:
    signatures = dict(read_header(_FOLDER / "api.h").functions)
    for level in COMPILED:
        for name, signature in _SIMD.functions.items():
            public = name.removeprefix("PUBLIC(").removesuffix(")")
            signatures[f"nordlyd_{level.symbol}_{public}"] = signature
    if platform.machine() == "x86_64":
        signatures |= read_header(_FOLDER / "amx_api.h").functions
    return signatures


def _load_openmp() -> None:
    ctypes.CDLL(str(_openmp_runtime()), mode=ctypes.RTLD_GLOBAL)


def _openmp_runtime() -> Path | str:
    root = Path(torch.__file__).parent
    bundled = [*root.glob("lib/libgomp*.so*"), *root.parent.glob("torch.libs/libgomp*.so*")]
    return bundled[0] if bundled else "libgomp.so.1"


LIBRARY = NativeLibrary(
    _FOLDER,
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
