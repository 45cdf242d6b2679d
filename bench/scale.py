"""What replicas under Ray Serve deliver, beside one process; the archive beside the encoder.

`nordlyd bench scale --model demo-nb`, about five minutes; needs the extra `ray` and two cores.
Replicas are pinned to a core each, the single process to one core. `single`, `one replica` and
`two replicas`: clips from eight clients, in audio seconds a second. `hop`: what a clip of 5 s and a
recording of ten minutes take longer with a replica than in one process, both idle, one after the
other. Then two replicas get clips of two lengths at random instants, and the simulation of
`bench.simulation` gets the same arrivals and the costs that were measured: its error is that of the
mean time to an answer. Last, how long a second replica takes to be ready under load, and the
archive's throughput over the encoder's on the same recordings.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from app.bundled import catalogue_folder
from bench.archive import archive_and_encoder
from bench.fairness import repeated
from bench.machine import cpu_name
from bench.replicas import one_process, own_cluster, pin, under_ray, until, wait_for_replicas
from bench.report import finish, table
from bench.service import Client, Running, ServiceError
from bench.simulation_check import CLIP_SECONDS, LENGTHS, USE, Check, check_simulation, rate
from bench.sounds import Upload, noise, speech, wav

AIM_HOP_MS = 8.0
AIM_LONG_HOP = 0.02
AIM_ARCHIVE = 0.90
AIM_SIMULATION = 0.15
_CLIENTS = 8
_LONG_SECONDS = 600.0


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench scale", description=__doc__)
    parser.add_argument("--model", default="demo-nb", help="what to serve")
    parser.add_argument("--step-seconds", type=float, default=20.0, help="length of each load")
    parser.add_argument("--clips", type=int, default=60, help="clips of 5 s, for the hop")
    parser.add_argument("--long-files", type=int, default=3, help="recordings of 10 min, for it")
    parser.add_argument("--check-seconds", type=float, default=60.0, help="for the simulation")
    parser.add_argument("--check-rounds", type=int, default=3, help="of these seconds")
    parser.add_argument("--archive-files", type=int, default=60, help="recordings in the archive")
    measure(parser.parse_args(argv))


def measure(options: argparse.Namespace) -> None:
    """Runs all steps and prints both reports."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) == 1:
        raise ServiceError("two replicas need two cores to be pinned to")
    bodies = {
        seconds: _recording(options.model, seconds) for seconds in (*LENGTHS.seconds, _LONG_SECONDS)
    }
    models, quiet = [options.model], {"log_level": "warning", "threads": 1}
    with (
        one_process(models, cores[0], **quiet) as single,
        under_ray(models, cores[:1], **quiet) as one,
    ):
        rates = [asyncio.run(rate(each, bodies, options.step_seconds)) for each in (single, one)]
        hop = hop_seconds(single, one, bodies[CLIP_SECONDS], options.clips)
        long_hop = hop_seconds(single, one, bodies[_LONG_SECONDS], options.long_files)
    with under_ray(models, cores, **quiet) as two:
        rates.append(asyncio.run(rate(two, bodies, options.step_seconds)))
        check = asyncio.run(
            check_simulation(two, bodies, options.check_seconds, rounds=options.check_rounds)
        )
    ready = seconds_to_second_replica(models, bodies[CLIP_SECONDS], **quiet)
    archive, encoder = archive_and_encoder(options.model, options.archive_files)
    figures = {
        "single_audio_s_per_s": rates[0],
        "one_replica_audio_s_per_s": rates[1],
        "two_replicas_audio_s_per_s": rates[2],
        "hop_ms": hop.seconds * 1e3,
        "long_hop_share": long_hop.share,
        "second_replica_ready_s": ready,
        "archive_share_of_encoder": archive / encoder,
        "archive_audio_s_per_s": archive,
        "encoder_audio_s_per_s": encoder,
        "simulation_error": check.mean_error,
        "simulation_p95_error": check.p95_error,
    }
    report(options, figures, check)


@dataclass(frozen=True, slots=True)
class Hop:
    """What a replica adds to an answer: median seconds, and as a share of the single process'."""

    seconds: float
    share: float


def hop_seconds(single: Running, replica: Running, body: bytes, count: int) -> Hop:
    """Measures both in turn, one request at a time."""
    upload = Upload.of(body)
    seconds: dict[int, list[float]] = {single.port: [], replica.port: []}
    with Client(single.port) as near, Client(replica.port) as far:
        for round_ in range(count + 1):
            for port, client in ((single.port, near), (replica.port, far)):
                start = time.perf_counter()
                client.transcribe(upload)
                # The first is a warm-up.
                if round_:
                    seconds[port].append(time.perf_counter() - start)
    alone = float(np.median(seconds[single.port]))
    added = float(np.median(seconds[replica.port])) - alone
    return Hop(added, added / alone)


def seconds_to_second_replica(models: Sequence[str], body: bytes, **settings: object) -> float:
    """Seconds from a load that needs a second replica until that one accepts work.

    The delay before Ray starts it (NORDLYD_RAY_SCALE_UP_SECONDS) is set to 0.
    """
    settings |= {
        "ray_min_replicas": 1, "ray_max_replicas": 2, "ray_scale_up_seconds": 0,
        "ray_replica_seconds": 2 * CLIP_SECONDS,
    }  # fmt: skip
    with (
        own_cluster(models, **settings) as service,
        Client(service.port) as client,
    ):
        [first] = wait_for_replicas(service, 1)
        pin(first, min(os.sched_getaffinity(0)))

        def limit() -> float:
            return client.metric("nordlyd_queue_limit_audio_seconds")

        before = limit()
        with ExitStack() as load:
            for _ in range(_CLIENTS):
                load.enter_context(repeated(service.port, Upload.of(body)))
            # Each replica that accepts work adds its limit.
            return until(lambda: limit() > before, "a second replica was ready")


def _recording(model: str, seconds: float) -> bytes:
    clip = speech(catalogue_folder() / model / "samples", seconds)
    return wav(noise(seconds, 0) if clip is None else clip)


def report(options: argparse.Namespace, figures: dict[str, float], check: Check) -> None:
    """Prints the table and the line of JSON."""
    aims = {
        "hop_ms": f"at most {AIM_HOP_MS:g}",
        "long_hop_share": f"under {AIM_LONG_HOP:g}",
        "archive_share_of_encoder": f"at least {AIM_ARCHIVE:g}",
        "simulation_error": f"at most {AIM_SIMULATION:g}",
    }
    table(
        f"{options.model}, {cpu_name()}, a replica a core",
        ["", "measured", "aim"],
        [
            [name.replace("_", " "), f"{value:.4g}", aims.get(name, "")]
            for name, value in figures.items()
        ],
    )
    table(
        f"two replicas, clips at {USE:.0%} use",
        ["", "real", "simulated"],
        [
            ["answer, mean s", f"{check.real[0]:.4f}", f"{check.simulated[0]:.4f}"],
            ["answer, p95 s", f"{check.real[1]:.4f}", f"{check.simulated[1]:.4f}"],
            ["use", "", f"{check.utilisation:.2f}"],
        ],
    )
    finish(
        {
            "benchmark": "scale",
            "model": options.model,
            "machine": cpu_name(),
            **{name: round(value, 4) for name, value in figures.items()},
            "holds": figures["hop_ms"] <= AIM_HOP_MS
            and figures["long_hop_share"] < AIM_LONG_HOP
            and figures["archive_share_of_encoder"] >= AIM_ARCHIVE
            and figures["simulation_error"] <= AIM_SIMULATION,
        }
    )


if __name__ == "__main__":
    main()
