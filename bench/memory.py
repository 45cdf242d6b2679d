"""Peak memory of the service above the loaded model while a long file is transcribed.

`nordlyd bench memory --shape demo --minutes 60`: a 16 kHz mono 16-bit WAV goes to a real
`nordlyd serve` on loopback; its resident memory is sampled, and where the kernel allows a reset of
its high-water mark (Linux), that is read too.
"""

import argparse
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from bench.checkpoints import add_model_options, checkpoint_of, model_name
from bench.report import finish, table
from bench.service import Client, nordlyd
from bench.sounds import write_noise

AIM_MB = 80
_MB = 1e6
_SAMPLE_SECONDS = 0.005
# Resets the high-water mark; see Linux's proc(5).
_RESET_HIGH_WATER = "5"


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench memory", description=__doc__)
    add_model_options(parser, shape="demo")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the file")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds it may take")
    measure(parser.parse_args(argv))


def measure(options: argparse.Namespace) -> None:
    """Transcribes the file once and prints both reports."""
    with (
        tempfile.TemporaryDirectory(prefix="nordlyd-bench-") as parent,
        checkpoint_of(options) as folder,
        nordlyd([folder], device=options.device, dtype=options.dtype) as service,
        Client(service.port, timeout=options.timeout) as client,
    ):
        path = Path(parent) / "long.wav"
        write_noise(path, 60 * options.minutes)
        size = path.stat().st_size
        process = psutil.Process(service.pid)
        loading = high_water(service.pid)
        loaded = process.memory_info().rss
        exact = reset_high_water(service.pid)
        start = time.perf_counter()
        with sampled(process) as samples:
            answer = client.transcribe_file(path)
        seconds = time.perf_counter() - start
        mark = high_water(service.pid) if exact else None
        left = process.memory_info().rss
    peak = max(*samples, mark or 0)
    above = (peak - loaded) / _MB
    table(
        f"{model_name(options)}, {options.minutes:g} min of 16 kHz mono 16-bit WAV"
        f" ({size / _MB:.0f} MB) in {seconds:.1f} s, {torch.get_num_threads()} threads",
        ["resident memory of the service", "MB"],
        [
            ["model loaded and warmed up", f"{loaded / _MB:.0f}"],
            ["peak while the file is transcribed", f"{peak / _MB:.0f}"],
            ["peak above the loaded model", f"{above:.0f}"],
            ["left when it is answered", f"{left / _MB:.0f}"],
        ],
    )
    finish(
        {
            "benchmark": "memory",
            "model": model_name(options),
            "minutes": options.minutes,
            "duration_s": answer["duration"],
            "transcribed_in_s": round(seconds, 2),
            "loading_peak_mb": None if loading is None else round(loading / _MB, 1),
            "loaded_mb": round(loaded / _MB, 1),
            "peak_mb": round(peak / _MB, 1),
            "above_loaded_mb": round(above, 1),
            "left_mb": round(left / _MB, 1),
            "measured_by": "high-water mark" if exact else "sampling",
            "aim_mb": AIM_MB,
            "holds": above < AIM_MB,
        }
    )


@contextmanager
def sampled(process: psutil.Process) -> Iterator[list[int]]:
    """The process's resident bytes, sampled while the body runs; at least one sample."""
    samples = [process.memory_info().rss]
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            samples.append(process.memory_info().rss)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def high_water(pid: int) -> int | None:
    """The most bytes that were ever resident (VmHWM); None where the kernel does not report it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return 1024 * int(found[1]) if found else None


def reset_high_water(pid: int) -> bool:
    """Resets the high-water mark to what is resident now; False where that is impossible."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text(_RESET_HIGH_WATER, encoding="ascii")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
