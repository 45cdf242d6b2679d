"""The encoder's operations on CPUs by our own kernels, compiled when the package was installed.

`AmxKernels` compute in tiles, `SimdKernels` by the vector instructions of one `Level`. Where there
was no C compiler `load_library` returns None and torch's kernels are used.
"""

from app.acoustic.native.amx import AmxKernels
from app.acoustic.native.amx_int8 import AmxInt8Kernels
from app.acoustic.native.levels import Level, runnable
from app.acoustic.native.library import LIBRARY, load_library
from app.acoustic.native.simd import SimdKernels

__all__ = [
    "LIBRARY",
    "AmxInt8Kernels",
    "AmxKernels",
    "Level",
    "SimdKernels",
    "load_library",
    "runnable",
]
