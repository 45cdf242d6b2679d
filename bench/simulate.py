"""How many replicas a load needs, and how long recordings wait then, by a simulation.

`nordlyd bench simulate --audio-hours 1000 --audio-s-per-s 43`: the arithmetic from audio hours a
day to replicas at a given use, database transactions, storage and network (`bench.sizing`), and
what a simulation (`bench.simulation`) of the busiest hour makes of so many replicas, one more and
one less: use, waits, refusals. `nordlyd bench scale` compares the simulation with a real run.
"""

import argparse
from collections.abc import Sequence

from bench.report import finish, table
from bench.simulation import Cluster, Cost, Lengths, Outcome, poisson, simulate
from bench.sizing import Demand, JobCosts, replicas_for, size_of

# As measured by `nordlyd bench jobs`; see docs/scaling.md.
JOB_COSTS = JobCosts(
    transactions=21.4,
    busy_transactions_per_s=35.4,
    idle_transactions_per_s=36.0,
    kept_bytes_per_audio_s=3150.0,
    result_bytes_per_audio_s=270.0,
    row_bytes=13_900.0,
)
_LEAST_RECORDINGS = 2_000


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, simulates, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench simulate", description=__doc__)
    add = parser.add_argument
    add("--audio-hours", type=_positive, default=1000.0, help="that arrive in a day")
    add("--peak", type=_positive, default=2.0, help="the busiest hour over the mean hour")
    add(
        "--lengths",
        type=Lengths.parse,
        default="5:0.6,60:0.3,1800:0.1",
        help="lengths of recordings in seconds, each with how often it is met",
    )
    add("--audio-s-per-s", type=_positive, default=43.0, help="that one replica encodes")
    add("--request-ms", type=_at_least_0, default=5.0, help="of a replica, for each recording")
    add("--batch-ms", type=_at_least_0, default=5.0, help="of a replica, for each batch")
    add("--batch-seconds", type=_positive, default=120.0, help="audio of a batch at most")
    add("--utilisation", type=_share, default=0.7, help="share of the time a replica computes")
    add("--replicas", type=_count, help="simulate so many; default: by the utilisation")
    add("--patience", type=_positive, default=30.0, help="seconds that a recording may wait")
    add("--jobs", action="store_true", help="one queue for all replicas, as jobs have it")
    add("--upload-kbit", type=_positive, default=256.0, help="per audio second (WAV 16 kHz: 256)")
    add("--recordings", type=_count, default=20_000, help="how many are simulated")
    run(parser.parse_args(argv))


def run(options: argparse.Namespace) -> None:
    """Simulates and prints both reports."""
    lengths: Lengths = options.lengths
    demand = Demand(options.audio_hours, options.peak, lengths.mean)
    size = size_of(
        demand,
        options.audio_s_per_s,
        utilisation=options.utilisation,
        upload_bytes_per_audio_s=options.upload_kbit * 1000 / 8,
        jobs=JOB_COSTS,
    )
    chosen = options.replicas or replicas_for(demand, options.audio_s_per_s, options.utilisation)
    counts = [count for count in (chosen - 1, chosen, chosen + 1) if count > 0]
    outcomes = {count: _simulate(options, demand, count) for count in counts}
    table(
        f"{options.audio_hours:g} audio hours a day, {demand.audio_s_per_s:.1f} audio s/s in the"
        " busiest hour",
        ["", "needed"],
        [
            ["encoder hours a day", f"{size.encoder_hours_a_day:.2f}"],
            [f"replicas at {options.utilisation:.0%} use", f"{size.replicas}"],
            ["replica hours a day", f"{size.replica_hours_a_day:.0f}"],
            ["upload, Mbit/s", f"{size.upload_mbit_per_s:.2f}"],
            ["database transactions/s, all as jobs", f"{size.transactions_per_s:.2f}"],
            ["records of jobs, GB a day", f"{size.database_gb_a_day:.2f}"],
            ["storage of recordings and results, GB a day", f"{size.storage_gb_a_day:.2f}"],
        ],
    )
    table(
        f"the busiest hour, simulated with {options.recordings} recordings",
        ["replicas", "use", "wait p50 s", "p95", "p99", "answer p50 s", "p95", "refused"],
        [
            [
                f"{count}",
                f"{outcome.utilisation:.2f}",
                f"{outcome.wait(0.5):.2f}",
                f"{outcome.wait(0.95):.2f}",
                f"{outcome.wait(0.99):.2f}",
                f"{outcome.response(0.5):.2f}",
                f"{outcome.response(0.95):.2f}",
                f"{outcome.refused_share:.3f}",
            ]
            for count, outcome in outcomes.items()
        ],
    )
    outcome = outcomes[chosen]
    finish(
        {
            "benchmark": "simulate",
            "audio_hours_a_day": options.audio_hours,
            "audio_s_per_s": round(demand.audio_s_per_s, 3),
            "replicas": chosen,
            "encoder_hours_a_day": round(size.encoder_hours_a_day, 3),
            "upload_mbit_per_s": round(size.upload_mbit_per_s, 3),
            "transactions_per_s": round(size.transactions_per_s, 3),
            "database_gb_a_day": round(size.database_gb_a_day, 3),
            "storage_gb_a_day": round(size.storage_gb_a_day, 3),
            "utilisation": round(outcome.utilisation, 4),
            "wait_p50_s": round(outcome.wait(0.5), 4),
            "wait_p95_s": round(outcome.wait(0.95), 4),
            "wait_p99_s": round(outcome.wait(0.99), 4),
            "response_p50_s": round(outcome.response(0.5), 4),
            "response_p95_s": round(outcome.response(0.95), 4),
            "refused_share": round(outcome.refused_share, 5),
            "batch_windows": round(outcome.batch_windows, 3),
        }
    )


def _simulate(options: argparse.Namespace, demand: Demand, replicas: int) -> Outcome:
    cluster = Cluster(
        replicas,
        Cost(1 / options.audio_s_per_s, options.request_ms / 1e3, options.batch_ms / 1e3),
        batch_seconds=options.batch_seconds,
        patience=float("inf") if options.jobs else options.patience,
        shared_queue=options.jobs,
    )
    # So many that the queues reach their usual state, however many replicas there are.
    recordings = max(options.recordings, _LEAST_RECORDINGS, 100 * replicas)
    arrivals = poisson(demand.recordings_per_s, options.lengths, recordings=recordings)
    return simulate(cluster, arrivals)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _at_least_0(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; accepted: above 0 and up to 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


if __name__ == "__main__":
    main()
