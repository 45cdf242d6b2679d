"""Our encoder against others and against its own matrix products, in one run.

`nordlyd bench encoder --shape xls-r-300m --seconds 10`: random weights in the full-size
architecture, one model for all; seconds are the minimum over the rounds, the candidates in turns.
Each peer runs in the format that is its best on this machine: transformers in fp32 and, where the
hardware multiplies it, bf16 or fp16; with `pip install 'nordlyd[bench]'` also ONNX Runtime,
OpenVINO and CTranslate2 on a CPU.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from app.acoustic.choice import FAMILIES
from app.acoustic.device import resolve_device
from bench.machine import device_name
from bench.peers import Comparison, Spec, difference
from bench.peers.export import FILES, NEEDS, export, missing
from bench.report import finish, table
from bench.shapes import SHAPES

PEERS = ("transformers", "onnxruntime", "openvino", "ctranslate2")
# Each runtime with the exported file that it runs and the format in which it computes.
RUNTIMES = {
    "onnxruntime": ("onnxruntime", "onnx", "fp32"),
    "onnxruntime int8": ("onnxruntime", "int8", "int8"),
    "openvino fp32": ("openvino", "onnx", "fp32"),
    "openvino bf16": ("openvino", "onnx", "bf16"),
    "ctranslate2 int8": ("ctranslate2", "ctranslate2", "int8"),
}
FP32_PEERS = ("transformers fp32", "onnxruntime", "openvino fp32")
INT8_PEERS = ("onnxruntime int8", "ctranslate2 int8")
_MAX_SLOWDOWN = 5.0
_PROBE = [16_000]
_PROBE_SECONDS = 60.0
# Of the time that is left: measuring needs the other half.
_EXPORT_SHARE = 0.5


@dataclass(slots=True)
class Outcome:
    """What was measured: seconds and most memory of each candidate, and how far it is from fp32."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    differs: dict[str, float] = field(default_factory=dict)

    def best(self, *names: str) -> float | None:
        """The least seconds of those of the names that ran."""
        return min(
            (min(self.seconds[name]) for name in names if self.seconds.get(name)), default=None
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench encoder", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="xls-r-300m")
    parser.add_argument(
        "--dtype",
        choices=["auto", "bf16", "fp16", "fp32", "int8"],
        default="auto",
        help="ours; auto: what the service takes on this machine",
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit", type=float, default=360.0, help="seconds that all may take")
    parser.add_argument("--peers", default=",".join(PEERS), help="which of them; empty: none")
    parser.add_argument("--no-fp32", action="store_true", help="leave transformers fp32 out")
    parser.add_argument(
        "--kernels", choices=["auto", *FAMILIES], default="auto", help="what runs ours"
    )
    options = parser.parse_args(argv)
    unknown = set(options.peers.split(",")) - {*PEERS, ""}
    if unknown:
        parser.error(f"unknown peer {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    measure(options)


def measure(options: argparse.Namespace) -> None:
    """Runs the candidates interleaved and prints both reports."""
    device = resolve_device(options.device)
    print(f"{device_name(device)}, {torch.get_num_threads()} threads", flush=True)
    lengths = [round(options.seconds * 16_000)] * options.batch
    deadline = time.monotonic() + options.limit
    with (
        tempfile.TemporaryDirectory(prefix="nordlyd-bench-") as parent,
        Comparison(_notify, deadline=deadline) as comparison,
    ):
        folder = Path(parent)
        add_ours(comparison, options.shape, options.dtype, device, kernels=options.kernels)
        peers = [name for name in options.peers.split(",") if name]
        best = "fp32"
        if "transformers" in peers:
            best = add_transformers(comparison, options.shape, device, fp32=not options.no_fp32)
        comparison.add("matmul", _spec("products", options.shape, best, device))
        if device.type == "cpu":
            add_runtimes(comparison, options.shape, peers, folder, lengths)
        outcome = run(comparison, lengths, folder, rounds=options.rounds)
        report(options, device, comparison, outcome)


def add_ours(
    comparison: Comparison, shape: str, dtype: str, device: torch.device, *, kernels: str = "auto"
) -> None:
    """Loads ours, and computes one second.

    Raises:
        SystemExit: it cannot run, or takes far too long; the message has the reason.
    """
    spec = _spec("ours", shape, dtype, device, kernels=kernels)
    if not comparison.add("ours", spec) or not comparison.once(
        "ours", _PROBE, limit=_PROBE_SECONDS
    ):
        sys.exit(f"nordlyd bench encoder: ours cannot be measured: {comparison.dropped['ours']}")


def add_transformers(
    comparison: Comparison, shape: str, device: torch.device, *, fp32: bool = True
) -> str:
    """Loads stock transformers in each format, and drops one that this machine only emulates.

    Returns:
        The format in which it is fastest here.
    """
    seconds: dict[str, float] = {}
    half = "bf16" if device.type == "cpu" else "fp16"
    for dtype in ["fp32", half] if fp32 else [half]:
        name = f"transformers {dtype}"
        if not comparison.add(name, _spec("transformers", shape, dtype, device)):
            continue
        limit = max(5.0, _MAX_SLOWDOWN * seconds["fp32"]) if "fp32" in seconds else _PROBE_SECONDS
        # The first run also plans, the second is what it costs.
        for _ in range(2):
            answer = comparison.once(name, _PROBE, limit=limit)
            if answer is None:
                break
            seconds[dtype] = answer["seconds"]
        if "fp32" in seconds and seconds.get(dtype, 0.0) > _MAX_SLOWDOWN * seconds["fp32"]:
            comparison.drop(
                name, f"{seconds.pop(dtype):.1f} s for 1 s of audio: it is emulated here"
            )
    if device.type == "cuda":
        comparison.add(
            "transformers compiled", _spec("transformers", shape, half, device, compiled=True)
        )
    return min(seconds, key=lambda dtype: seconds[dtype], default="fp32")


def add_runtimes(
    comparison: Comparison, shape: str, peers: Sequence[str], folder: Path, lengths: Sequence[int]
) -> None:
    """Exports the model and loads the other runtimes that are installed."""
    required = {name: values for name, values in RUNTIMES.items() if values[0] in peers}
    absent = {name for name, (peer, file, _) in required.items() if missing(peer, *NEEDS[file])}
    for name in sorted(absent):
        comparison.drop(name, "pip install 'nordlyd[bench]'")
        del required[name]
    formats = sorted({file for _, file, _ in required.values()})
    if not formats:
        return
    _notify(f"exporting the model: {', '.join(formats)}")
    failed = export(
        *(shape, folder, formats),
        batch=len(lengths),
        samples=lengths[0],
        limit=_EXPORT_SHARE * comparison.left,
    )
    for name, (peer, file, dtype) in required.items():
        if file in failed:
            comparison.drop(name, failed[file])
            continue
        spec = _spec(peer, shape, dtype, torch.device("cpu"), file=str(folder / FILES[file]))
        comparison.add(name, spec)


def run(comparison: Comparison, lengths: Sequence[int], folder: Path, *, rounds: int) -> Outcome:
    """Warms every candidate up, compares what they answer, and takes their times in turns."""
    limit = _PROBE_SECONDS + 6 * sum(lengths) / 16_000
    outcome = Outcome()
    files = {}
    for name in list(comparison.candidates):
        file = folder / f"{name}.npy"
        if comparison.once(name, lengths, limit=limit, keep=file) and file.exists():
            files[name] = file
    # All have the same weights: a different output means a different computation.
    reference = files.get("transformers fp32", files.get("ours"))
    for name, file in files.items():
        far = difference(file, reference or file)
        if far is None:
            comparison.drop(name, "its output has another shape: it computes another model")
        else:
            outcome.differs[name] = far
    outcome.seconds, outcome.peaks = comparison.interleaved(lengths, rounds=rounds, limit=limit)
    return outcome


def report(
    options: argparse.Namespace, device: torch.device, comparison: Comparison, outcome: Outcome
) -> None:
    """Prints the table and the line of JSON."""
    if not outcome.seconds.get("ours"):
        sys.exit(f"nordlyd bench encoder: ours cannot be measured: {comparison.dropped['ours']}")
    ours, audio = min(outcome.seconds["ours"]), options.seconds * options.batch
    facts = {name: candidate.facts for name, candidate in comparison.candidates.items()}
    versions = {
        f"{name.split()[0]} {fact['version']}" for name, fact in facts.items() if "version" in fact
    }
    _notify(f"{device_name(device)}; peers: {', '.join(sorted(versions)) or 'none'}")
    table(
        f"{options.shape}, {options.batch} x {options.seconds:g} s,"
        f" {torch.get_num_threads()} threads, {device}, kernels: {facts['ours']['kernels']}",
        ["", "format", "least s", "median s", "x real time", "ours / it", "differs by"],
        [
            [
                name,
                facts[name]["format"],
                f"{min(seconds):.4f}",
                f"{float(np.median(seconds)):.4f}",
                f"{audio / min(seconds):.1f}",
                f"{ours / min(seconds):.3f}",
                f"{outcome.differs[name]:.4f}" if name in outcome.differs else "",
            ]
            for name, seconds in outcome.seconds.items()
        ],
    )
    finish(result_of(options, device, comparison, outcome))


def result_of(
    options: argparse.Namespace, device: torch.device, comparison: Comparison, outcome: Outcome
) -> dict[str, object]:
    """The JSON: seconds are null where a candidate did not run."""
    facts = {name: candidate.facts for name, candidate in comparison.candidates.items()}
    stock = [name for name, seconds in outcome.seconds.items() if seconds and "transf" in name]
    plain = [name for name in stock if name != "transformers compiled"]
    fastest = min(plain, key=lambda name: min(outcome.seconds[name]), default=None)
    return {
        "benchmark": "encoder",
        "cpu": device_name(torch.device("cpu")),
        "device": str(device),
        "device_name": device_name(device),
        "shape": options.shape,
        "seconds": options.seconds,
        "batch": options.batch,
        "threads": torch.get_num_threads(),
        "rounds": len(outcome.seconds["ours"]),
        "kernels": facts["ours"]["kernels"],
        "dtype": facts["ours"]["format"],
        "ours_s": _rounded(outcome.best("ours")),
        "transformers_s": _rounded(outcome.best(*plain)),
        "transformers_format": fastest and facts[fastest]["format"],
        "transformers_fp32_s": _rounded(outcome.best("transformers fp32")),
        "transformers_compiled_s": _rounded(outcome.best("transformers compiled")),
        "onnxruntime_s": _rounded(outcome.best("onnxruntime")),
        "onnxruntime_int8_s": _rounded(outcome.best("onnxruntime int8")),
        "openvino_s": _rounded(outcome.best("openvino fp32", "openvino bf16")),
        "ctranslate2_int8_s": _rounded(outcome.best("ctranslate2 int8")),
        "matmul_s": _rounded(outcome.best("matmul")),
        "ours_over_transformers": _ratio(outcome, *plain),
        "ours_over_fastest_fp32_peer": _ratio(outcome, *FP32_PEERS),
        "ours_over_fastest_int8_peer": _ratio(outcome, *INT8_PEERS),
        "peers": {name: fact for name, fact in facts.items() if name != "ours"},
        "differs": {name: round(far, 6) for name, far in outcome.differs.items()},
        "left_out": comparison.dropped,
        "peak_mb": outcome.peaks or None,
    }


def _ratio(outcome: Outcome, *names: str) -> float | None:
    ours, theirs = outcome.best("ours"), outcome.best(*names)
    return round(ours / theirs, 4) if ours and theirs else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 5)


def _spec(
    kind: str,
    shape: str,
    dtype: str,
    device: torch.device,
    *,
    kernels: str = "auto",
    compiled: bool = False,
    file: str | None = None,
) -> Spec:
    return Spec(kind, shape, dtype, str(device), torch.get_num_threads(), kernels, compiled, file)


def _notify(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
