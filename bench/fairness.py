"""How long a short clip waits while a long file runs.

`nordlyd bench fairness --shape xls-r-300m --clips 20`: a 3 s clip is sent to a real
`nordlyd serve` on loopback while it works at a 10 min file, at a random moment of a batch. Its
median latency is held against twice its idle latency plus the time of one batch of the long file.
"""

import argparse
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from bench.checkpoints import add_model_options, checkpoint_of, model_name
from bench.report import finish, table
from bench.service import Client, ServiceError, nordlyd
from bench.sounds import WINDOW_SECONDS, Upload, noise, wav

AIM = 2.0
_ATTEMPTS_A_CLIP = 10
_WAIT_SECONDS = 600.0
_POLL_SECONDS = 0.01
_SETTLE_SECONDS = 0.2


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench fairness", description=__doc__)
    add_model_options(parser)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the clip")
    parser.add_argument("--long-seconds", type=float, default=600.0, help="of the long file")
    parser.add_argument("--clips", type=int, default=20, help="clips sent while it runs")
    measure(parser.parse_args(argv))


def measure(options: argparse.Namespace) -> None:
    """Measures idle, then busy, then idle again, and prints both reports."""
    clip = Upload.of(wav(noise(options.seconds, 0)))
    long = Upload.of(wav(noise(options.long_seconds, 1)))
    with (
        checkpoint_of(options) as folder,
        nordlyd([folder], device=options.device, dtype=options.dtype) as service,
        Client(service.port) as client,
    ):
        client.transcribe(clip)
        batch = batch_seconds(client, long)
        half = -(-options.clips // 2)
        idle = [_latency(client, clip, _SETTLE_SECONDS) for _ in range(half)]
        with repeated(service.port, long):
            busy = busy_latencies(client, clip, count=options.clips, batch=batch)
        _wait(client, lambda queued: queued == 0)
        idle += [_latency(client, clip, _SETTLE_SECONDS) for _ in range(half)]
    quiet, loaded = float(np.median(idle)), float(np.median(busy))
    limit = AIM * quiet + batch
    table(
        f"{model_name(options)}, a {options.seconds:g} s clip beside a {options.long_seconds:g} s"
        f" file, {options.clips} clips, {torch.get_num_threads()} threads",
        ["", "median s", "least", "most"],
        [
            ["idle", f"{quiet:.4f}", f"{min(idle):.4f}", f"{max(idle):.4f}"],
            ["while the file runs", f"{loaded:.4f}", f"{min(busy):.4f}", f"{max(busy):.4f}"],
            ["one batch of the file", f"{batch:.4f}", "", ""],
            [f"limit: {AIM:g} x idle + one batch", f"{limit:.4f}", "", ""],
        ],
    )
    finish(
        {
            "benchmark": "fairness",
            "model": model_name(options),
            "threads": torch.get_num_threads(),
            "seconds": options.seconds,
            "long_seconds": options.long_seconds,
            "clips": options.clips,
            "idle_s": round(quiet, 5),
            "busy_s": round(loaded, 5),
            "busy_most_s": round(max(busy), 5),
            "batch_s": round(batch, 5),
            "limit_s": round(limit, 5),
            "busy_over_limit": round(loaded / limit, 4),
            "holds": loaded <= limit,
        }
    )


def batch_seconds(client: Client, long: Upload) -> float:
    """Mean seconds of a batch of the long file, which runs alone for this."""
    before = client.metric("nordlyd_batch_items_count")
    answer = client.transcribe(long)
    batches = client.metric("nordlyd_batch_items_count") - before
    return float(answer["timing"]["encode"]) / batches


def busy_latencies(client: Client, clip: Upload, *, count: int, batch: float) -> list[float]:
    """Latencies of so many clips, each sent and answered while the long file ran.

    Raises:
        ServiceError: the long file is over too soon for that.
    """
    generator = random.Random(0)
    latencies: list[float] = []
    for _ in range(_ATTEMPTS_A_CLIP * count):
        _wait(client, lambda queued: queued > WINDOW_SECONDS)
        seconds = _latency(client, clip, generator.uniform(0, batch))
        # Otherwise the file ended meanwhile, and the clip did not have to share.
        if client.queued_seconds() > 0:
            latencies.append(seconds)
        if len(latencies) == count:
            return latencies
    raise ServiceError(
        f"only {len(latencies)} of {count} clips were answered before the long file was; "
        "make it longer with --long-seconds"
    )


@contextmanager
def repeated(port: int, upload: Upload) -> Iterator[None]:
    """Sends a recording again and again, one at a time, while the body runs."""
    ended = threading.Event()
    failures: list[Exception] = []

    def work() -> None:
        try:
            with Client(port) as client:
                while not ended.is_set():
                    client.transcribe(upload)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


def _latency(client: Client, clip: Upload, pause: float) -> float:
    time.sleep(pause)
    start = time.perf_counter()
    client.transcribe(clip)
    return time.perf_counter() - start


def _wait(client: Client, enough: Callable[[float], bool]) -> None:
    until = time.monotonic() + _WAIT_SECONDS
    while not enough(client.queued_seconds()):
        if time.monotonic() > until:
            raise ServiceError(f"the queue did not change within {_WAIT_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    main()
