"""The encoder's operations on CPUs by our own kernels, compiled when the package was installed.

`AmxKernels` compute in tiles, `RowKernels` by the vector instructions of one `Level`. Where there
was no C compiler `load_library` returns None and torch's kernels are used.
"""

from app.acoustic.native.int8 import AmxInt8Kernels
from app.acoustic.native.kernels import AmxKernels
from app.acoustic.native.levels import Level, runnable
from app.acoustic.native.library import LIBRARY, load_library
from app.acoustic.native.rows import RowKernels

__all__ = [
    "LIBRARY",
    "AmxInt8Kernels",
    "AmxKernels",
    "Level",
    "RowKernels",
    "load_library",
    "runnable",
]
