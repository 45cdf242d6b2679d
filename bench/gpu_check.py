"""Measures one card in at most eight minutes, and prints one line of JSON.

`make gpu-check`, or `python -m bench.gpu_check`: the tests marked `cuda`; the encoder of the 300M
and 1B shapes over batches of 30 to 960 s against transformers in fp16 (sdpa), and a batch of many
lengths; `torch.compile` over transformers; `nordlyd bench server`; memory. A step that fails or has
no time left is named in `left_out`, and the others still run.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from app.acoustic.device import resolve_device
from app.errors import ConfigurationError
from bench.machine import cpu_name, device_name
from bench.peers import Comparison, Spec
from bench.report import finish, table
from bench.shapes import SHAPES

# In the order in which they run: what matters most comes first.
STEPS = ("tests", "encoder", "server", "compiled")
_ROOT = Path(__file__).parent.parent
# What one step may take at most, in seconds, so that none takes the time of all.
_LIMITS = {"tests": 110.0, "encoder": 100.0, "server": 110.0, "compiled": 100.0}
_COMPILED_BATCH = 8
_RUN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """One batch of one shape: seconds, and the most memory that each held, in MB (CUDA only)."""

    shape: str
    batch: str
    audio_s: float
    ours_s: float | None
    transformers_s: float | None
    compiled_s: float | None
    ours_peak_mb: float | None
    transformers_peak_mb: float | None


@dataclass(slots=True)
class Findings:
    """Results of the steps; `left_out` has the reasons for what is missing."""

    tests: dict[str, int] | None = None
    encoder: list[Row] = field(default_factory=list)
    server: dict[str, object] | None = None
    left_out: dict[str, str] = field(default_factory=dict)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the checks and prints; exit status 1 without a card or if a test failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_check", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shapes", default="xls-r-300m,xls-r-1b")
    parser.add_argument("--batches", default="1,2,4,8,16,32", help="utterances a batch")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of an utterance")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--limit", type=float, default=480.0, help="seconds that all may take")
    options = parser.parse_args(argv)
    unknown = (set(options.steps.split(",")) - {*STEPS}) | (
        set(options.shapes.split(",")) - {*SHAPES}
    )
    if unknown:
        parser.error(
            f"unknown: {', '.join(sorted(unknown))}; steps: {', '.join(STEPS)};"
            f" shapes: {', '.join(SHAPES)}"
        )
    try:
        device = resolve_device(options.device)
    except ConfigurationError as error:
        sys.exit(f"nordlyd gpu-check: {error.message}")
    findings = check(options, device)
    if findings.tests is not None and findings.tests.get("failed", 0):
        sys.exit(1)


def check(options: argparse.Namespace, device: torch.device) -> Findings:
    """Runs the steps in their order until the time is up, and prints the report."""
    started = time.monotonic()
    deadline = started + options.limit
    print(device_name(device), flush=True)
    findings = Findings()
    shapes = options.shapes.split(",")
    steps: dict[str, list[Callable[[float], None]]] = {
        "tests": [lambda end: run_tests(findings, end)],
        "encoder": [
            lambda end, shape=shape: sweep(findings, options, device, shape, end)  # type: ignore[misc]
            for shape in shapes
        ],
        "server": [lambda end: run_server(findings, options, device, shapes[0], end)],
        "compiled": [
            lambda end, shape=shape: compiled(findings, options, device, shape, end)  # type: ignore[misc]
            for shape in shapes
        ],
    }
    for name in STEPS:
        if name not in options.steps.split(","):
            continue
        for number, step in enumerate(steps[name]):
            label = f"{name} {shapes[number]}" if len(steps[name]) > 1 else name
            left = deadline - time.monotonic()
            if left < 1:
                findings.left_out[label] = "no time left"
                continue
            print(f"{label}: {left:.0f} s left", flush=True)
            try:
                step(time.monotonic() + min(left, _LIMITS[name]))
            except Exception as error:  # one step must not cost the others
                findings.left_out[label] = f"{type(error).__name__}: {error}"
    report(options, device, findings, took=time.monotonic() - started)
    return findings


def run_tests(findings: Findings, deadline: float) -> None:
    """The tests marked `cuda`, and how many of them passed and failed."""
    command = [sys.executable, "-m", "pytest", "-m", "cuda", "-q", "tests"]
    output = _output(command, deadline)
    counted = re.findall(r"(\d+) (passed|failed|error)", output.splitlines()[-1])
    findings.tests = {name: int(count) for count, name in counted}
    findings.tests["failed"] = findings.tests.get("failed", 0) + findings.tests.pop("error", 0)
    if not findings.tests.get("passed"):
        findings.left_out["tests"] = output.strip()[-500:]


def sweep(
    findings: Findings,
    options: argparse.Namespace,
    device: torch.device,
    shape: str,
    deadline: float,
) -> None:
    """Ours and stock transformers over every size of batch, and over one of many lengths."""
    length = round(options.seconds * 16_000)
    batches = {
        f"{count} x {options.seconds:g} s": [length] * count
        for count in map(int, options.batches.split(","))
    }
    # Sixteen lengths from a sixteenth of the longest up: half of what is padded is padding.
    mixed = [length * part // 16 for part in range(1, 17)]
    batches["16 of many lengths"] = mixed
    with Comparison(_notify(findings, shape), deadline=deadline) as comparison:
        comparison.add("ours", _spec("ours", shape, device))
        comparison.add("transformers", _spec("transformers", shape, device))
        for name, lengths in batches.items():
            if comparison.left < 1:
                findings.left_out[f"{shape}, {name}"] = "no time left"
                continue
            findings.encoder.append(_row(comparison, shape, name, lengths, options.rounds))


def compiled(
    findings: Findings,
    options: argparse.Namespace,
    device: torch.device,
    shape: str,
    deadline: float,
) -> None:
    """Ours beside transformers under `torch.compile`, on one batch: each shape compiles anew."""
    lengths = [round(options.seconds * 16_000)] * _COMPILED_BATCH
    with Comparison(_notify(findings, shape), deadline=deadline) as comparison:
        if not comparison.add("compiled", _spec("transformers", shape, device, compiled=True)):
            return
        comparison.add("ours", _spec("ours", shape, device))
        # The first call compiles, and must leave time for the others.
        if comparison.once("compiled", lengths, limit=0.8 * comparison.left) is None:
            return
        name = f"{_COMPILED_BATCH} x {options.seconds:g} s"
        findings.encoder.append(_row(comparison, shape, name, lengths, options.rounds))


def run_server(
    findings: Findings,
    options: argparse.Namespace,
    device: torch.device,
    shape: str,
    deadline: float,
) -> None:
    """`nordlyd bench server` on the device, its own line of JSON."""
    cuda = device.type == "cuda"
    command = [
        *(sys.executable, "-m", "bench.server", "--shape", shape, "--device", str(device)),
        *("--seconds", f"{options.seconds:g}", "--plain", "float16" if cuda else ""),
        *("--requests", "128" if cuda else "2", "--concurrency", "32" if cuda else "2"),
        *("--rounds", "3" if cuda else "1"),
    ]
    findings.server = json.loads(_output(command, deadline, strict=True).splitlines()[-1])


def report(
    options: argparse.Namespace, device: torch.device, findings: Findings, *, took: float
) -> None:
    """Prints the table and the line of JSON."""
    table(
        f"{device_name(device)}, {took:.0f} s",
        ["shape", "batch", "ours s", "transformers s", "compiled s", "x real time", "ours / it"],
        [
            [
                row.shape,
                row.batch,
                *(_shown(row.ours_s), _shown(row.transformers_s), _shown(row.compiled_s)),
                f"{row.audio_s / row.ours_s:.0f}" if row.ours_s else "",
                _shown(_over(row)),
            ]
            for row in findings.encoder
        ],
    )
    for what, reason in findings.left_out.items():
        print(f"left out: {what}: {reason}")
    cuda = device.type == "cuda"
    finish(
        {
            "benchmark": "gpu-check",
            "device": str(device),
            "device_name": device_name(device),
            "device_mb": torch.cuda.get_device_properties(device).total_memory // 10**6
            if cuda
            else None,
            "cuda": torch.version.cuda if cuda else None,
            "torch": torch.__version__,
            "cpu": cpu_name(),
            "dtype": _dtype(device),
            "took_s": round(took, 1),
            "limit_s": options.limit,
            "tests": findings.tests,
            "encoder": [asdict(row) | {"ours_over_best": _over(row)} for row in findings.encoder],
            "server": findings.server,
            "left_out": findings.left_out,
        }
    )


def _row(comparison: Comparison, shape: str, name: str, lengths: list[int], rounds: int) -> Row:
    for candidate in list(comparison.candidates):
        comparison.once(candidate, lengths, limit=_RUN_SECONDS)
    seconds, peaks = comparison.interleaved(lengths, rounds=rounds, limit=_RUN_SECONDS)
    best = {key: round(min(values), 5) for key, values in seconds.items() if values}
    return Row(
        shape,
        name,
        round(sum(lengths) / 16_000, 3),
        *(best.get("ours"), best.get("transformers"), best.get("compiled")),
        *(peaks.get("ours"), peaks.get("transformers")),
    )


def _over(row: Row) -> float | None:
    others = [value for value in (row.transformers_s, row.compiled_s) if value is not None]
    return round(row.ours_s / min(others), 4) if row.ours_s and others else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _dtype(device: torch.device) -> str:
    return "fp16" if device.type == "cuda" else "fp32"


def _spec(kind: str, shape: str, device: torch.device, *, compiled: bool = False) -> Spec:
    return Spec(
        kind,
        shape,
        _dtype(device),
        str(device),
        torch.get_num_threads(),
        compiled=compiled,
    )


def _notify(findings: Findings, shape: str) -> Callable[[str], None]:
    def notify(line: str) -> None:
        print(line, flush=True)
        name, _, reason = line.partition(" is left out: ")
        if reason:
            findings.left_out[f"{shape}, {name}"] = reason

    return notify


def _output(command: list[str], deadline: float, *, strict: bool = False) -> str:
    """What a program of ours prints.

    Raises:
        RuntimeError: it takes too long, or `strict` and it failed.
    """
    limit = max(deadline - time.monotonic(), 1.0)
    try:
        done = subprocess.run(  # noqa: S603 - our own programs
            command,
            cwd=_ROOT,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"it takes more than {limit:.0f} s") from None
    if strict and done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise RuntimeError(lines[-1])
    return done.stdout or done.stderr or "it printed nothing"


if __name__ == "__main__":
    main()
