"""What it costs to decode a clip in a process of its own, against decoding it in this one.

`nordlyd bench media --seconds 5 --rounds 200`: both take turns on the same file; figures are
medians and least values.
"""

import argparse
import io
from collections.abc import Sequence

import numpy as np

from app.audio import AudioLimits, decode_audio
from app.audio.workers import MediaPool
from bench.report import finish, interleaved, table
from bench.sounds import noise, wav

AIM_MS = 5.0


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench media", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the clip")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args(argv)
    measure(options.seconds, options.rounds)


def measure(seconds: float, rounds: int) -> None:
    """Runs the rounds and prints both reports."""
    body = wav(noise(seconds, 0))
    limits = AudioLimits(max_seconds=24 * 3600)
    pool = MediaPool()
    try:
        times = interleaved(
            {
                "in a media worker": lambda: pool.decode(io.BytesIO(body), limits=limits).close(),
                "in this process": lambda: decode_audio(io.BytesIO(body), limits=limits).close(),
            },
            rounds=rounds,
            warm_up=5,
        )
        sandbox = pool.sandbox
    finally:
        pool.close()
    medians = {name: 1e3 * float(np.median(values)) for name, values in times.items()}
    worker, here = medians.values()
    table(
        f"decoding a WAV of {seconds:g} s, {rounds} rounds, sandbox: {', '.join(sandbox or ())}",
        ["", "median ms", "least", "most"],
        [
            [name, *(f"{1e3 * value:.2f}" for value in (np.median(v), min(v), max(v)))]
            for name, v in times.items()
        ],
    )
    finish(
        {
            "benchmark": "media",
            "seconds": seconds,
            "rounds": rounds,
            "sandboxed_by": list(sandbox or ()),
            "worker_ms": round(worker, 3),
            "in_process_ms": round(here, 3),
            "cost_ms": round(worker - here, 3),
            "least_cost_ms": round(
                1e3 * (min(times["in a media worker"]) - min(times["in this process"])), 3
            ),
            "aim_ms": AIM_MS,
            "holds": worker - here <= AIM_MS,
        }
    )


if __name__ == "__main__":
    main()
