"""What a job costs besides computing: transactions of PostgreSQL, bytes in database and storage.

`nordlyd bench jobs --database-url postgresql://user@host/name`: a real `nordlyd serve` on an empty
database of that server. First nothing is sent, then many short jobs, then a few long ones;
transactions are those that the server counts for the database. The figures are what
`nordlyd bench simulate` computes with.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from app.bundled import catalogue_folder
from app.jobs.storage import EMISSIONS, RESULT
from bench.report import finish, table
from bench.service import Client, ServiceError, nordlyd
from bench.sounds import noise, speech, wav

# Within so many seconds, an idle connection of PostgreSQL reports what it has counted.
_REPORT_SECONDS = 12.0
_POLL_SECONDS = 0.2
_LIMIT_SECONDS = 600.0


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench jobs", description=__doc__)
    parser.add_argument("--database-url", required=True, help="of an empty PostgreSQL database")
    parser.add_argument("--model", default="demo-nb", help="what to serve")
    parser.add_argument("--jobs", type=int, default=200, help="short jobs")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a short recording")
    parser.add_argument("--long-seconds", type=float, default=1800.0, help="of a long one")
    parser.add_argument("--idle-seconds", type=float, default=20.0, help="without jobs")
    measure(parser.parse_args(argv))


def measure(options: argparse.Namespace) -> None:
    """Measures idle, with short jobs and with long ones, and prints both reports."""
    samples = catalogue_folder() / options.model / "samples"
    short, long = _recording(samples, options.seconds), _recording(samples, options.long_seconds)
    with (
        tempfile.TemporaryDirectory(prefix="nordlyd-bench-") as data,
        nordlyd([options.model], data=data, database_url=options.database_url) as service,
        Client(service.port) as client,
        psycopg.connect(options.database_url, autocommit=True) as database,
    ):
        storage = Path(data) / "jobs"
        time.sleep(_REPORT_SECONDS)
        began, before = time.monotonic(), _transactions(database)
        time.sleep(options.idle_seconds)
        idle = (_transactions(database) - before) / (time.monotonic() - began)

        size = _bytes(database)
        began, before = time.monotonic(), _transactions(database)
        _work(client, [client.submit(short) for _ in range(options.jobs)])
        time.sleep(_REPORT_SECONDS)
        spent = _transactions(database) - before - idle * (time.monotonic() - began)
        per_job = spent / options.jobs
        row_bytes = (_bytes(database) - size) / options.jobs

        before, began = _transactions(database), time.monotonic()
        jobs = [client.submit(long) for _ in range(2)]
        kept = _work(client, jobs, storage)
        busy = time.monotonic() - began
        time.sleep(_REPORT_SECONDS)
        waited = time.monotonic() - began - busy
        spent = _transactions(database) - before - len(jobs) * per_job - idle * waited
        result = sum(_size(storage / job / RESULT) for job in jobs)
    audio = len(jobs) * options.long_seconds
    figures = {
        "transactions": round(per_job, 2),
        "busy_transactions_per_s": round(spent / busy, 2),
        "idle_transactions_per_s": round(idle, 2),
        "kept_bytes_per_audio_s": round(kept / audio, 1),
        "result_bytes_per_audio_s": round(result / audio, 1),
        "row_bytes": round(row_bytes, 1),
    }
    table(
        f"{options.model}, {options.jobs} jobs of {options.seconds:g} s, {len(jobs)} of"
        f" {options.long_seconds:g} s",
        ["", "measured"],
        [[name.replace("_", " "), f"{value:g}"] for name, value in figures.items()],
    )
    finish({"benchmark": "jobs", "model": options.model, **figures})


def _recording(samples: Path, seconds: float) -> bytes:
    clip = speech(samples, seconds)
    return wav(noise(seconds, 0) if clip is None else clip)


def _work(client: Client, jobs: Sequence[str], storage: Path | None = None) -> int:
    """Waits until jobs are completed; returns the most bytes of emissions that were kept.

    Raises:
        ServiceError: one has failed, or they take too long.
    """
    most, left = 0, list(jobs)
    until = time.monotonic() + _LIMIT_SECONDS
    while left:
        if storage is not None:
            most = max(most, sum(_size(storage / job / EMISSIONS) for job in jobs))
            time.sleep(_POLL_SECONDS)
        wait = "" if storage is not None else "?wait=30"
        status = json.loads(client.get(f"/jobs/{left[-1]}{wait}"))["status"]
        if status == "completed":
            left.pop()
        elif status == "failed" or time.monotonic() > until:
            raise ServiceError(f"the job {left[-1]} is {status}")
    return most


def _transactions(database: psycopg.Connection) -> int:
    query = (
        "SELECT xact_commit + xact_rollback FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    row = database.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _bytes(database: psycopg.Connection) -> int:
    row = database.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    total = 0
    for file in files:
        # A file may be gone since it was listed.
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total


if __name__ == "__main__":
    main()
