"""Latency of an idle service: a 5 s clip over HTTP, against the bare encoder's time for it.

`nordlyd bench latency --shape xls-r-300m --seconds 5 --rounds 20`: a real `nordlyd serve` on
loopback and the encoder in this process take turns; figures are medians.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from app.acoustic import load_checkpoint
from bench.checkpoints import add_model_options, checkpoint_of, model_name
from bench.report import finish, table
from bench.service import Client, nordlyd
from bench.sounds import Upload, noise, prepared, recording_of, wav, windows_of

AIM = 1.25
# How long OpenMP's threads of the other process may still spin, with a margin.
_SETTLE_SECONDS = 0.1
_STAGES = ("decode_audio", "queue", "encode", "decode_text")
_WARM_UP = 2
_T = TypeVar("_T")


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench latency", description=__doc__)
    add_model_options(parser)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the clip")
    parser.add_argument("--rounds", type=int, default=20)
    measure(parser.parse_args(argv))


def measure(options: argparse.Namespace) -> None:
    """Runs the rounds and prints both reports."""
    body = wav(noise(options.seconds, 0))
    upload, recording = Upload.of(body), recording_of(body)
    http: list[float] = []
    bare: list[float] = []
    stages: list[list[float]] = []
    with checkpoint_of(options) as folder:
        model = load_checkpoint(folder, device=options.device, dtype=options.dtype)
        windows = prepared(model, recording, windows_of(model, recording.samples))
        with (
            nordlyd([folder], device=model.device, dtype=model.dtype) as service,
            Client(service.port) as client,
        ):
            for _ in range(_WARM_UP):
                client.transcribe(upload)
                model.encode(windows)
            for _ in range(options.rounds):
                seconds, _ = timed(lambda: model.encode(windows))
                bare.append(seconds)
                seconds, answer = timed(lambda: client.transcribe(upload))
                http.append(seconds)
                stages.append([answer["timing"][stage] for stage in _STAGES])
    whole, encoder = float(np.median(http)), float(np.median(bare))
    parts = dict(zip(_STAGES, np.median(stages, axis=0).tolist(), strict=True))
    table(
        f"{model_name(options)} {model.dtype}, a {options.seconds:g} s clip,"
        f" {options.rounds} rounds, {torch.get_num_threads()} threads, {model.device},"
        f" kernels: {model.kernels}",
        ["", "median ms", "least", "most", "encoder's share"],
        [
            _row("over HTTP", http, encoder),
            *([f"  {stage}", f"{1e3 * value:.2f}", "", "", ""] for stage, value in parts.items()),
            _row("bare encoder", bare, encoder),
        ],
    )
    finish(
        {
            "benchmark": "latency",
            "model": model_name(options),
            "dtype": model.dtype,
            "device": model.device,
            "kernels": model.kernels,
            "threads": torch.get_num_threads(),
            "seconds": options.seconds,
            "rounds": options.rounds,
            "http_s": round(whole, 5),
            "encoder_s": round(encoder, 5),
            "http_over_encoder": round(whole / encoder, 4),
            **{f"{stage}_s": round(value, 5) for stage, value in parts.items()},
            "aim": AIM,
            "holds": whole / encoder <= AIM,
        }
    )


def timed(run: Callable[[], _T]) -> tuple[float, _T]:
    """Seconds a call takes once the machine is quiet, and what it returns."""
    time.sleep(_SETTLE_SECONDS)
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def _row(name: str, seconds: Sequence[float], encoder: float) -> list[str]:
    middle = float(np.median(seconds))
    milliseconds = [f"{1e3 * value:.2f}" for value in (middle, min(seconds), max(seconds))]
    return [name, *milliseconds, f"{encoder / middle:.3f}"]


if __name__ == "__main__":
    main()
