"""Every kind of kernels that this machine runs, and models that run on one of them."""

from collections.abc import Callable
from pathlib import Path

import torch

from app.acoustic.checkpoint import AcousticModel, assemble
from app.acoustic.config import read_config
from app.acoustic.int8 import TorchInt8Kernels
from app.acoustic.kernels import Kernels, TorchKernels
from app.acoustic.native import (
    AmxInt8Kernels,
    AmxKernels,
    Level,
    SimdKernels,
    load_library,
    runnable,
)
from app.acoustic.native.levels import COMPILED
from app.acoustic.tokens import read_vocabulary
from app.acoustic.weights import read_weights, under_one_name

CPU = torch.device("cpu")


def _formats(level: Level) -> list[str]:
    return ["float32", *(["bfloat16"] if level.bf16 else []), *(["int8"] if level.int8 else [])]


def kernels_here() -> tuple[dict[str, Callable[[], Kernels]], list[str]]:
    """Returns what makes each kind of kernels, by level and format, and those that cannot run."""
    library = load_library()
    torch_can = torch.cpu.get_capabilities()
    makers: dict[str, Callable[[], Kernels]] = {
        "torch float32": lambda: TorchKernels(CPU, torch.float32)
    }
    missing = []
    if torch_can.get("amx_bf16") or torch_can.get("avx512_bf16"):
        makers["torch bfloat16"] = lambda: TorchKernels(CPU, torch.bfloat16)
    else:
        missing.append("torch bfloat16")
    if torch_can.get("amx_int8") or torch_can.get("avx512_vnni"):
        makers["torch int8"] = TorchInt8Kernels
    else:
        missing.append("torch int8")
    if library is not None and library.nordlyd_amx_available():
        makers["amx bfloat16"] = lambda: AmxKernels(library)
        makers["amx int8"] = lambda: AmxInt8Kernels(library)
    else:
        missing += ["amx bfloat16", "amx int8"]
    levels = [] if library is None else runnable(library)
    for level in COMPILED:
        for number_format in _formats(level):
            name = f"{level.symbol} {number_format}"
            if level not in levels:
                missing.append(name)
                continue
            makers[name] = lambda level=level, number_format=number_format: SimdKernels(
                library, level, number_format
            )
    return makers, missing


def model_on(folder: Path, kernels: Kernels) -> AcousticModel:
    """The checkpoint's model on these kernels."""
    config = read_config(folder)
    vocabulary = read_vocabulary(
        folder, head_size=config.vocab_size, pad_token_id=config.pad_token_id
    )
    weights = under_one_name(folder, read_weights(folder), config)
    return assemble(config, vocabulary, weights, kernels)
