"""A batch of jobs while the process is killed again and again: nothing lost, nothing twice."""

import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from jobs_process import JobsProcess, every_job
from postgresql import postgresql
from sounds import as_wav, tones

KILLS = 50
JOBS = 100
LIVES = 3.0
"""A process is killed within so many times what a job takes; every fifth before its first answer.

A machine that is busy takes longer for a job, and must get some done.
"""

START_SECONDS = 0.5
"""About what a process takes until its first answer."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, object]]:
    """The settings of a service on either database."""
    given: dict[str, object] = {"data": str(tmp_path / "data")}
    if request.param == "sqlite":
        yield given
        return
    with postgresql() as server:
        yield given | {"database_url": server.url}


def seconds(number: int) -> float:
    """The length of a job's recording, which tells it from every other."""
    return 1 + number / 50


def submit(client: httpx.Client, numbers: list[int], until: float) -> None:
    """Hand in recordings, each under an idempotency key of its own; removes those handed in."""
    while numbers and time.monotonic() < until:
        number = numbers[0]
        answer = client.post(
            "/jobs",
            content=as_wav(tones(number, seconds(number))),
            headers={"Idempotency-Key": str(number)},
        )
        # Refused while the request of a killed process counts as still being received.
        assert answer.status_code in (202, 503), answer.text
        if answer.status_code == 202:
            numbers.pop(0)
        else:
            time.sleep(0.05)


def live_and_die(
    settings: dict[str, object],
    log: Path,
    numbers: list[int],
    chance: random.Random,
    *,
    life: float | None,
) -> None:
    """Start the service, hand in recordings, and kill it at a random moment.

    `life` is the longest time from the first answer to then; None kills it before.
    """
    process = JobsProcess(settings, log)
    try:
        if life is None:
            time.sleep(chance.uniform(0, START_SECONDS))
            return
        with process.client() as client:
            # Answered once the database is open and jobs are worked on.
            assert client.get("/jobs").status_code == 200
            client.timeout = chance.uniform(0.01, life)
            until = time.monotonic() + chance.uniform(0, life)
            try:
                submit(client, numbers, until)
            except httpx.TransportError:
                return
            time.sleep(max(0.0, until - time.monotonic()))
    finally:
        process.kill()


def time_one_job(settings: dict[str, object], log: Path, numbers: list[int]) -> float:
    """Returns how long the first job takes, in seconds."""
    process = JobsProcess(settings, log)
    try:
        with process.client() as client:
            submit(client, numbers, math.inf)
            started = time.monotonic()
            [job] = every_job(client)
            ended = client.get(f"/jobs/{job['id']}?wait=60").json()
            assert ended["status"] == "completed", ended
            return time.monotonic() - started
    finally:
        process.kill()


def test_killed_process_loses_no_job_and_does_none_twice(
    settings: dict[str, object], tmp_path: Path
) -> None:
    chance = random.Random(16)
    log = tmp_path / "log"
    numbers = [0]
    life = LIVES * time_one_job(settings, log, numbers)
    for kill in range(KILLS):
        numbers += range(1 + kill * JOBS // KILLS, 1 + (kill + 1) * JOBS // KILLS)
        live_and_die(settings, log, numbers, chance, life=life if kill % 5 else None)
    process = JobsProcess(settings, log)
    try:
        with process.client() as client:
            submit(client, numbers, time.monotonic() + 120)
            assert numbers == []
            jobs = every_job(client)
            for job in jobs:
                ended = client.get(f"/jobs/{job['id']}?wait=60").json()
                assert ended["status"] == "completed", ended
            lengths = []
            for job in jobs:
                result = client.get(f"/jobs/{job['id']}/result").json()
                assert result["text"] == "a"
                lengths.append(round(result["duration"], 2))
                events = client.get(f"/jobs/{job['id']}/events").text
                ends = [line for line in events.splitlines() if '"status":"completed"' in line]
                assert len(ends) == 1, events
            assert Counter(lengths) == Counter(round(seconds(n), 2) for n in range(JOBS + 1))
        if "database_url" not in settings:
            assert not list((tmp_path / "data" / "jobs").glob("*/emissions"))
    finally:
        process.kill()
