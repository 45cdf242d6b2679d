"""Audio seconds per second through the service, against the bare encoder and the baseline.

`nordlyd bench server --concurrency 8 --shape xls-r-300m --seconds 10 --requests 32`: every round
runs half of the windows through the encoder in this process, all recordings through a real
`nordlyd serve` on loopback, the other half of the windows through the encoder, and some of the
recordings through FastAPI around transformers' pipeline, in fp32 and in bf16. Figures are medians
over the rounds; the threads are those of OMP_NUM_THREADS, alike for all.
"""

import argparse
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import numpy as np
import torch

from app.acoustic import AcousticModel, load_checkpoint
from app.audio import Samples
from bench.checkpoints import add_model_options, checkpoint_of, model_name
from bench.report import finish, table
from bench.service import Client, nordlyd, plain
from bench.sounds import Upload, noise, prepared, recording_of, wav, windows_of

AIM = 0.90
# How long OpenMP's threads may spin after their last work, with a margin.
_SETTLE_SECONDS = 0.2
_TRIES = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench server", description=__doc__)
    add_model_options(parser)
    parser.add_argument("--concurrency", type=int, default=8, help="clients at a time")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a recording")
    parser.add_argument("--requests", type=int, default=32, help="recordings a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--plain",
        default="float32,bfloat16",
        help="dtypes of the baseline of `bench.plain`; empty: without it",
    )
    parser.add_argument(
        "--plain-requests", type=int, help="recordings a round for it; default: a quarter"
    )
    measure(parser.parse_args(argv))


@dataclass(slots=True)
class Rates:
    """Audio seconds per second, one figure a round."""

    encoder: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    plain: dict[str, list[float]] = field(default_factory=dict)

    def server_over(self, others: Sequence[float]) -> float:
        """Median over the rounds of the ratio within a round."""
        pairs = zip(self.server, others, strict=True)
        return float(np.median([ours / other for ours, other in pairs]))


def measure(options: argparse.Namespace) -> None:
    """Runs the rounds and prints both reports."""
    bodies = [wav(noise(options.seconds, seed)) for seed in range(options.requests)]
    dtypes = [dtype for dtype in options.plain.split(",") if dtype]
    few = options.plain_requests or max(options.concurrency, options.requests // 4)
    with ExitStack() as stack:
        folder = stack.enter_context(checkpoint_of(options))
        model = load_checkpoint(folder, device=options.device, dtype=options.dtype)
        windows: list[Samples] = []
        for body in bodies:
            recording = recording_of(body)
            windows += prepared(model, recording, windows_of(model, recording.samples))
        batch = best_batch(model, windows, limit=options.concurrency)
        service = stack.enter_context(nordlyd([folder], device=model.device, dtype=model.dtype))
        peers = {dtype: stack.enter_context(plain(folder, dtype, model.device)) for dtype in dtypes}
        uploads = [Upload.of(body) for body in bodies]
        audio = options.seconds * len(uploads)
        rates = Rates(plain={dtype: [] for dtype in peers})
        for port in [service.port, *(peer.port for peer in peers.values())]:
            send(port, uploads[: options.concurrency], concurrency=options.concurrency)
        with Client(service.port) as client:
            batches = client.metric("nordlyd_batch_items_count")
            items = client.metric("nordlyd_batch_items_sum")
        for _ in range(options.rounds):
            half = len(windows) // 2
            seconds = encode(model, windows[:half], batch)
            answered = send(service.port, uploads, concurrency=options.concurrency)
            seconds += encode(model, windows[half:], batch)
            rates.encoder.append(audio / seconds)
            rates.server.append(audio / answered)
            for dtype, peer in peers.items():
                answered = send(peer.port, uploads[:few], concurrency=options.concurrency)
                rates.plain[dtype].append(options.seconds * len(uploads[:few]) / answered)
        with Client(service.port) as client:
            batches = client.metric("nordlyd_batch_items_count") - batches
            items = client.metric("nordlyd_batch_items_sum") - items
    report(options, model, rates, batch=batch, server_batch=items / batches)


def best_batch(model: AcousticModel, windows: Sequence[Samples], *, limit: int) -> int:
    """The number of windows a call with which the bare encoder is fastest, up to a limit."""
    seconds: dict[int, float] = {}
    size = 1
    while size <= min(limit, len(windows)):
        model.encode(windows[:size])
        tries = [encode(model, windows[:size], size) for _ in range(_TRIES)]
        seconds[size] = min(tries) / size
        size *= 2
    return min(seconds, key=lambda size: seconds[size])


def encode(model: AcousticModel, windows: Sequence[Samples], batch: int) -> float:
    """Seconds the bare encoder takes for the windows, so many a call."""
    time.sleep(_SETTLE_SECONDS)
    start = time.perf_counter()
    for first in range(0, len(windows), batch):
        model.encode(windows[first : first + batch])
    return time.perf_counter() - start


def send(port: int, uploads: Sequence[Upload], *, concurrency: int) -> float:
    """Seconds until every recording is answered, by so many clients at a time.

    Raises:
        ServiceError: one was not answered as it should.
    """
    waiting: SimpleQueue[Upload] = SimpleQueue()
    for upload in uploads:
        waiting.put(upload)
    failures: list[Exception] = []

    def work() -> None:
        try:
            with Client(port) as client:
                while not failures:
                    client.transcribe(waiting.get_nowait())
        except Empty:
            return
        except Exception as error:
            failures.append(error)

    clients = [threading.Thread(target=work, daemon=True) for _ in range(concurrency)]
    time.sleep(_SETTLE_SECONDS)
    start = time.perf_counter()
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    seconds = time.perf_counter() - start
    if failures:
        raise failures[0]
    return seconds


def report(
    options: argparse.Namespace,
    model: AcousticModel,
    rates: Rates,
    *,
    batch: int,
    server_batch: float,
) -> None:
    """Prints the table and the line of JSON."""
    names = {f"plain, {dtype}": values for dtype, values in rates.plain.items()}
    rows = {"nordlyd serve": rates.server, f"encoder, {batch} a call": rates.encoder} | names
    table(
        f"{model_name(options)} {model.dtype}, {options.concurrency} clients,"
        f" {options.requests} x {options.seconds:g} s, {options.rounds} rounds,"
        f" {torch.get_num_threads()} threads, {model.device}, kernels: {model.kernels}",
        ["", "audio s per s, median", "least", "most", "service / it"],
        [
            [
                name,
                f"{float(np.median(values)):.1f}",
                f"{min(values):.1f}",
                f"{max(values):.1f}",
                f"{rates.server_over(values):.3f}",
            ]
            for name, values in rows.items()
        ],
    )
    ratio = rates.server_over(rates.encoder)
    result: dict[str, object] = {
        "benchmark": "server",
        "model": model_name(options),
        "dtype": model.dtype,
        "device": model.device,
        "kernels": model.kernels,
        "threads": torch.get_num_threads(),
        "concurrency": options.concurrency,
        "seconds": options.seconds,
        "requests": options.requests,
        "rounds": options.rounds,
        "encoder_batch": batch,
        "server_batch": round(server_batch, 2),
        "server_audio_s_per_s": round(float(np.median(rates.server)), 2),
        "encoder_audio_s_per_s": round(float(np.median(rates.encoder)), 2),
        "server_over_encoder": round(ratio, 4),
        "aim": AIM,
        "holds": ratio >= AIM,
    }
    for dtype, values in rates.plain.items():
        # What people run by default bears the plain name.
        suffix = "" if dtype == "float32" else f"_{dtype}"
        result[f"plain{suffix}_audio_s_per_s"] = round(float(np.median(values)), 2)
        result[f"server_over_plain{suffix}"] = round(rates.server_over(values), 3)
    finish(result)


if __name__ == "__main__":
    main()
