"""Chooses the kernels of a model by the CPU, the number format and the settings."""

import torch

from app.acoustic.config import EncoderConfig
from app.acoustic.device import resolve_dtype
from app.acoustic.int8 import TorchInt8Kernels
from app.acoustic.kernels import Kernels, TorchKernels
from app.acoustic.native import (
    LIBRARY,
    AmxInt8Kernels,
    AmxKernels,
    Level,
    SimdKernels,
    load_library,
    runnable,
)
from app.acoustic.packed import PackedTorchKernels
from app.errors import ConfigurationError

FAMILIES = ("amx", "avx512", "avx2", "neon", "torch")
"""Values of `NORDLYD_KERNELS` besides auto, the best first."""

_FORMATS = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


def families() -> list[str]:
    """Returns the families of kernels that this CPU runs, the best first; torch is the last."""
    library = load_library()
    if library is None:
        return ["torch"]
    found = {level.family for level in runnable(library)}
    if library.nordlyd_amx_available():
        found.add("amx")
    return [family for family in FAMILIES if family in found or family == "torch"]


def choose_kernels(
    config: EncoderConfig,
    device: torch.device,
    dtype: str,
    *,
    int8: bool = False,
    kernels: str = "auto",
) -> Kernels:
    """Returns our compiled kernels on a CPU that runs them, torch's everywhere else.

    Args:
        config: the model's shape; AMX takes only widths that divide into its tiles.
        device: where the model runs.
        dtype: auto, float32, bfloat16 or float16.
        int8: the transformer's linear layers in int8.
        kernels: auto, or one of `FAMILIES`.

    Raises:
        ConfigurationError: this machine cannot run those kernels, or nothing here multiplies
            numbers of that format faster than float32; or the format is unknown.
    """
    if kernels not in ("auto", *FAMILIES):
        raise ConfigurationError(
            f"unknown kernels {kernels!r}; known: auto, {', '.join(FAMILIES)}", param="kernels"
        )
    if device.type != "cpu":
        return _off_the_cpu(device, dtype, int8=int8, kernels=kernels)
    available = families()
    if kernels != "auto" and kernels not in available:
        raise ConfigurationError(
            f"this machine cannot run the kernels {kernels}{_reason()};"
            f" it runs {', '.join(available)}",
            param="kernels",
        )
    candidates = available if kernels == "auto" else [kernels]
    if int8:
        number_format = "int8"
    elif dtype == "auto" and kernels == "amx":
        number_format = "bfloat16"
    elif dtype == "auto" and kernels != "auto" and not _multiplies_bf16(kernels):
        number_format = "float32"
    else:
        number_format = _FORMATS[resolve_dtype(dtype, device)]
    for family in candidates:
        chosen = _of_family(family, number_format, config)
        if chosen is not None:
            return chosen
    raise ConfigurationError(
        _REFUSALS[number_format].format(kernels=", ".join(candidates)) + _reason(),
        param="int8_models" if int8 else "dtype",
    )


_REFUSALS = {
    "int8": "int8 would be slower than float32 here: the kernels {kernels} have no fast product of"
    " int8 on this CPU for this model; leave it out of int8_models",
    "bfloat16": "bfloat16 would be slower than float32 here: the kernels {kernels} have no fast"
    " product of bfloat16 on this CPU for this model; use float32, or auto",
    "float32": "the kernels {kernels} do not compute in float32; use auto, or other kernels",
    "float16": "float16 is for GPUs, the kernels {kernels} have none; use float32, or auto",
}


def _off_the_cpu(device: torch.device, dtype: str, *, int8: bool, kernels: str) -> Kernels:
    if int8:
        raise ConfigurationError(
            f"int8 is for CPUs; {device.type} computes in float16", param="int8_models"
        )
    if kernels not in ("auto", "torch"):
        raise ConfigurationError(
            f"the kernels {kernels} are for CPUs; on {device.type} use auto or torch",
            param="kernels",
        )
    return PackedTorchKernels(device, resolve_dtype(dtype, device))


def _of_family(family: str, number_format: str, config: EncoderConfig) -> Kernels | None:
    """Returns the family's kernels for that format, or None where it has no fast ones."""
    library = load_library()
    if family == "torch" or library is None:
        return _of_torch(number_format)
    if family == "amx":
        if number_format not in ("bfloat16", "int8") or not AmxKernels.supports(config):
            return None
        return AmxInt8Kernels(library) if number_format == "int8" else AmxKernels(library)
    for level in runnable(library):
        if level.family == family and _has(level, number_format):
            return SimdKernels(library, level, number_format)
    return None


def _has(level: Level, number_format: str) -> bool:
    return {
        "float32": True,
        "bfloat16": level.bf16,
        "int8": level.int8 is not None,
    }.get(number_format, False)


def _of_torch(number_format: str) -> Kernels | None:
    supported = torch.cpu.get_capabilities()
    if number_format == "int8":
        # Elsewhere torch._int_mm is a plain loop, a hundred times slower than fp32.
        fast = supported.get("avx512_vnni") or supported.get("amx_int8")
        return TorchInt8Kernels() if fast else None
    if number_format == "bfloat16" and not _multiplies_bf16("torch"):
        return None
    dtype = next(dtype for dtype, name in _FORMATS.items() if name == number_format)
    return TorchKernels(torch.device("cpu"), dtype)


def _multiplies_bf16(family: str) -> bool:
    if family == "torch":
        supported = torch.cpu.get_capabilities()
        return bool(supported.get("amx_bf16") or supported.get("avx512_bf16"))
    library = load_library()
    return library is not None and any(
        level.bf16 for level in runnable(library) if level.family == family
    )


def _reason() -> str:
    reason = LIBRARY.reason if load_library() is None else None
    return f" ({reason})" if reason else ""
