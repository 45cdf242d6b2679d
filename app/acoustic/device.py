"""Resolves the settings for the device and the precision to torch's values."""

import torch

from app.errors import ConfigurationError

_DTYPES = {
    "float32": torch.float32,
    "fp32": torch.float32,
    "bfloat16": torch.bfloat16,
    "bf16": torch.bfloat16,
    "float16": torch.float16,
    "fp16": torch.float16,
}


def resolve_device(name: str) -> torch.device:
    """`auto` takes CUDA, else Apple's MPS, else the CPU.

    Raises:
        ConfigurationError: the device is unknown or not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigurationError(
            f"unknown device {name!r}; known: auto, cuda, mps, cpu", param="device"
        ) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError(
            "device cuda is requested, but torch finds no CUDA device; use auto or cpu, or install"
            " a CUDA build of torch and the driver",
            param="device",
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigurationError("device mps is requested, but is not available", param="device")
    return device


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` takes fp16 on CUDA and MPS, bf16 on a CPU with bf16 matrix units, else fp32.

    Raises:
        ConfigurationError: the precision is unknown.
    """
    if name == "auto":
        if device.type != "cpu":
            return torch.float16
        return torch.bfloat16 if has_bf16_matrix_units() else torch.float32
    if name not in _DTYPES:
        raise ConfigurationError(
            f"unknown dtype {name!r}; known: auto, float32, bfloat16, float16", param="dtype"
        )
    return _DTYPES[name]


def has_bf16_matrix_units() -> bool:
    """Returns whether the CPU multiplies bf16 natively; elsewhere bf16 is slower than fp32."""
    supported = torch.cpu.get_capabilities()
    return bool(supported.get("amx_bf16") or supported.get("avx512_bf16"))


def release_memory() -> None:
    """Returns device memory that no tensor uses any more to the system."""
    torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
