"""Which machine measures: the name of its CPU, what it multiplies by, and of its card."""

import os
import platform
import re
import subprocess
from pathlib import Path

import torch

# What /proc/cpuinfo calls the instructions that decide how fast a product is, x86-64 and ARM.
_INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "avx_vnni": "AVX-VNNI",
    "amx_bf16": "AMX",
    "asimd": "NEON",
    "asimddp": "NEON dot product",
    "i8mm": "int8 matrix products",
    "bf16": "BF16",
}


def cpu_name() -> str:
    """The CPU's model, its matrix instructions and how many cores this process may use."""
    return f"{_model()}{_instructions()}, {_cores()} cores"


def device_name(device: torch.device) -> str:
    """The card's name for CUDA, the CPU's for everything else."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def _model() -> str:
    found = re.search(r"^model name\s*: (.+)$", _cpuinfo(), re.MULTILINE)
    if found:
        return " ".join(found[1].split())
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip()
    return platform.processor() or platform.machine()


def _instructions() -> str:
    found = re.search(r"^(?:flags|Features)\s*: (.+)$", _cpuinfo(), re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    names = [name for flag, name in _INSTRUCTIONS.items() if flag in flags]
    return f" ({', '.join(names)})" if names else ""


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
