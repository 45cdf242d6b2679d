"""Measures the products of one layer in each precision, before a whole model is loaded.

It takes a few seconds: on a CPU without the instructions, a precision may be a hundred times slower
than fp32, and a whole model take minutes.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from app.acoustic.choice import choose_kernels
from app.acoustic.config import SAMPLE_RATE, EncoderConfig, read_config
from app.acoustic.kernels import Kernels, Span

_ROUNDS = 20
_BUDGET_SECONDS = 4.0


def layer_seconds(
    folder: Path, precisions: Sequence[str], *, kernels: str = "auto"
) -> dict[str, float]:
    """Returns the seconds that one transformer layer's products take for a second of audio.

    Args:
        folder: holds the checkpoint's config; its weights are not read.
        precisions: auto, float32, bfloat16, float16 or int8 each.
        kernels: auto, or one of `FAMILIES`, as in `choose_kernels`.

    Returns:
        The minimum over some rounds for each precision, taken in turns. It takes four seconds
        and one round of all at most.

    Raises:
        CheckpointError: the folder is no CTC checkpoint.
        ConfigurationError: a precision is unknown, or is not available here.
    """
    config = read_config(folder)
    runs = {
        name: _layer(
            config,
            choose_kernels(
                config,
                torch.device("cpu"),
                "auto" if name == "int8" else name,
                int8=name == "int8",
                kernels=kernels,
            ),
        )
        for name in precisions
    }
    best = dict.fromkeys(runs, float("inf"))
    deadline = time.perf_counter() + _BUDGET_SECONDS
    for _ in range(_ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
        if time.perf_counter() > deadline:
            break
    return best


def _layer(config: EncoderConfig, kernels: Kernels) -> Callable[[], None]:
    """Returns the four products of a layer on random weights, over the frames of one second."""
    hidden, inner = config.hidden_size, config.intermediate_size
    generator = torch.Generator().manual_seed(0)

    def parameters(outputs: int, inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.randn(outputs, inputs, generator=generator), torch.zeros(outputs)

    into_heads = kernels.linear(parameters(3 * hidden, hidden))
    out_of_heads = kernels.linear(parameters(hidden, hidden))
    widen = kernels.linear(parameters(inner, hidden), gelu=True)
    narrow = kernels.linear(parameters(hidden, inner))
    spans = [Span(1, config.grid.frames(SAMPLE_RATE))]
    rows = torch.randn(spans[0].rows, hidden, generator=generator).to(kernels.dtype)

    @torch.inference_mode()
    def run() -> None:
        x = kernels.pack_rows(rows, spans)
        into_heads(x)
        out_of_heads(x)
        narrow(widen(x))

    return run
