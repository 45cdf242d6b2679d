"""The instruction sets that the SIMD kernels are compiled for, and which of them this CPU runs."""

import ctypes
import platform
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """One instruction set.

    `symbol` is in the names of its functions, `family` what `NORDLYD_KERNELS` calls it, `bit`
    its place in what `nordlyd_levels` returns; `int8` names the instructions that multiply
    int8, None where it has none that are faster than fp32's.
    """

    symbol: str
    family: str
    bit: int
    int8: str | None = None
    bf16: bool = False


# The best first.
_LEVELS = {
    "x86_64": (
        Level("avx512_bf16", "avx512", 16, "avx512-vnni", bf16=True),
        Level("avx512_vnni", "avx512", 8, "avx512-vnni"),
        Level("avx512", "avx512", 4, "avx512"),
        Level("avx2_vnni", "avx2", 2, "avx2-vnni"),
        Level("avx2", "avx2", 1, "avx2"),
    ),
    "aarch64": (
        Level("neon_bf16", "neon", 8, "neon-i8mm", bf16=True),
        Level("neon_i8mm", "neon", 4, "neon-i8mm"),
        Level("neon_dotprod", "neon", 2, "neon-dotprod"),
        Level("neon", "neon", 1),
    ),
}
COMPILED = _LEVELS.get(platform.machine(), ())
"""Those that are compiled on this kind of machine."""


def runnable(library: ctypes.CDLL) -> list[Level]:
    """Returns the levels that this CPU runs, the best first."""
    bits = library.nordlyd_levels()
    return [level for level in COMPILED if bits & level.bit]
