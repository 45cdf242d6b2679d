"""Our encoder against transformers and against its own matrix products, in one run.

`nordlyd bench encoder --shape xls-r-300m --dtype bf16 --seconds 10`: random weights in the
full-size architecture; seconds are the minimum over the rounds, all candidates interleaved.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

from app.acoustic.checkpoint import AcousticModel, assemble
from app.acoustic.choice import FAMILIES, choose_kernels
from app.acoustic.config import EncoderConfig, make_config
from app.acoustic.device import resolve_device
from app.acoustic.encoder import Waveform
from app.acoustic.weights import renamed
from bench.report import finish, interleaved, table
from bench.shapes import SHAPES, stock_model, vocabulary

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(prog="nordlyd bench encoder", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="xls-r-300m")
    parser.add_argument("--dtype", choices=["bf16", "fp16", "fp32", "int8"], default="bf16")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-fp32", action="store_true", help="leave transformers fp32 out")
    parser.add_argument(
        "--kernels", choices=["auto", *FAMILIES], default="auto", help="what runs ours"
    )
    options = parser.parse_args(argv)
    measure(options)


def build(shape: str, dtype: str, device: str, *, kernels: str = "auto") -> AcousticModel:
    """Our model in that shape, with the same random weights as `stock_model`."""
    config = make_config(SHAPES[shape], {"do_normalize": True})
    weights = renamed(dict(stock_model(shape, torch.float32).state_dict()))
    int8 = dtype == "int8"
    chosen = choose_kernels(
        config, resolve_device(device), DTYPES.get(dtype, dtype), int8=int8, kernels=kernels
    )
    return assemble(config, vocabulary(shape), weights, chosen)


def measure(options: argparse.Namespace) -> None:
    """Run the candidates interleaved and print both reports."""
    device = resolve_device(options.device)
    peer_dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
    rng = np.random.default_rng(0)
    samples = round(options.seconds * 16_000)
    waveforms = [rng.standard_normal(samples).astype(np.float32) for _ in range(options.batch)]
    ours = build(options.shape, options.dtype, options.device, kernels=options.kernels)
    config = make_config(SHAPES[options.shape], {})
    candidates: dict[str, Callable[[], object]] = {
        "ours_s": lambda: ours.encode(waveforms),
        "transformers_s": _stock(options.shape, peer_dtype, device, waveforms),
        "matmul_s": _products(config, samples, options.batch, peer_dtype, device),
    }
    if not options.no_fp32:
        candidates["transformers_fp32_s"] = _stock(options.shape, torch.float32, device, waveforms)
    times = interleaved(candidates, rounds=options.rounds)
    best = {name: min(seconds) for name, seconds in times.items()}
    audio = options.seconds * options.batch
    table(
        f"{options.shape} {options.dtype}, {options.batch} x {options.seconds:g} s,"
        f" {torch.get_num_threads()} threads, {device}, kernels: {ours.kernels}",
        ["", "minimum s", "median s", "times real time", "ours / it"],
        [
            [
                name.removesuffix("_s"),
                f"{best[name]:.4f}",
                f"{float(np.median(times[name])):.4f}",
                f"{audio / best[name]:.1f}",
                f"{best['ours_s'] / best[name]:.3f}",
            ]
            for name in candidates
        ],
    )
    finish(
        {
            "benchmark": "encoder",
            "shape": options.shape,
            "dtype": options.dtype,
            "seconds": options.seconds,
            "batch": options.batch,
            "device": str(device),
            "kernels": ours.kernels,
            "threads": torch.get_num_threads(),
            **{name: round(value, 5) for name, value in best.items()},
            "ours_over_transformers": round(best["ours_s"] / best["transformers_s"], 4),
        }
    )


def _stock(
    shape: str, dtype: torch.dtype, device: torch.device, waveforms: Sequence[Waveform]
) -> Callable[[], object]:
    model = stock_model(shape, dtype).to(device)
    values = torch.from_numpy(np.stack(waveforms)).to(device=device, dtype=dtype)

    @torch.inference_mode()
    def run() -> object:
        return model(values).logits.float().log_softmax(dim=-1).cpu()

    return run


def _products(
    config: EncoderConfig, samples: int, batch: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], object]:
    """The model's matrix products by torch, on contiguous operands, and nothing else."""
    shapes: list[tuple[int, int, int]] = []
    frames, channels = samples, 1
    for width, kernel, stride in config.conv_layers:
        frames = (frames - kernel) // stride + 1
        shapes.append((frames * batch, channels * kernel, width))
        channels = width
    rows, hidden = frames * batch, config.hidden_size
    shapes.append((rows, channels, hidden))
    for _ in range(config.layers):
        shapes += [
            (rows, hidden, 3 * hidden),
            (rows, hidden, hidden),
            (rows, hidden, config.intermediate_size),
            (rows, config.intermediate_size, hidden),
        ]
    shapes.append((rows, hidden, config.vocab_size))

    def filled(*size: int) -> torch.Tensor:
        return torch.randn(*size, device=device).to(dtype)

    inputs = {(m, k): filled(m, k) for m, k, _ in shapes}
    # Every layer its own weights: they do not stay in cache from one layer to the next.
    linear = [(inputs[m, k], filled(n, k)) for m, k, n in shapes]
    heads, width = batch * config.heads, hidden // config.heads
    query, key = filled(heads, frames, width), filled(heads, width, frames)
    scores, value = filled(heads, frames, frames), filled(heads, frames, width)
    groups, inside = config.pos_conv_groups, hidden // config.pos_conv_groups
    windows = filled(groups, rows, inside * config.pos_conv_kernel)
    kernels = filled(groups, inside * config.pos_conv_kernel, inside)

    @torch.inference_mode()
    def run() -> object:
        for x, weight in linear:
            functional.linear(x, weight)
        for _ in range(config.layers):
            torch.bmm(query, key)
            torch.bmm(scores, value)
        last = torch.bmm(windows, kernels)
        return last[0, 0, 0].item()

    return run


if __name__ == "__main__":
    main()
