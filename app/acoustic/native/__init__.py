"""The encoder's operations on CPUs with AMX: our own kernels, in bf16.

They were compiled when the package was installed, where a C compiler was there; everywhere
else `load_library` returns None and torch's kernels are used.
"""

from app.acoustic.native.int8 import AmxInt8Kernels
from app.acoustic.native.kernels import AmxKernels
from app.acoustic.native.library import load_library

__all__ = ["AmxInt8Kernels", "AmxKernels", "load_library"]
