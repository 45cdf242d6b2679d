"""Jobs on PostgreSQL: processes share them, one of them is killed, and the server goes away."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from jobs_process import JobsProcess, every_job
from postgresql import PostgreSQL, postgresql
from sounds import as_wav, tones

Start = Callable[..., JobsProcess]

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@pytest.fixture
def start(server: PostgreSQL, tmp_path: Path) -> Iterator[Start]:
    """Starts a process that shares the database and the data folder with the others."""
    settings: dict[str, object] = {"data": str(tmp_path / "data"), "database_url": server.url}
    started: list[JobsProcess] = []

    def start_one(**more: object) -> JobsProcess:
        started.append(JobsProcess(settings | more, tmp_path / f"log-{len(started)}"))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()


def submit(client: httpx.Client, seconds: float) -> str:
    answer = client.post("/jobs", content=as_wav(tones(0, seconds)))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def windows_encoded(client: httpx.Client) -> float:
    """How many windows the process has encoded since its start."""
    metrics = client.get("/metrics").text
    return sum(map(float, re.findall(r"^nordlyd_batch_items_sum{.*} (.*)$", metrics, re.M)))


def wait_for_status(client: httpx.Client, job: str, *statuses: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = client.get(f"/jobs/{job}").json()
        if found["status"] in statuses:
            return
        time.sleep(0.05)
    raise AssertionError(found)


def test_processes_share_the_jobs_of_a_database(start: Start, tmp_path: Path) -> None:
    with start().client() as one, start().client() as other:
        jobs = [submit(one, 1.0) for _ in range(20)]
        for job in jobs:
            assert other.get(f"/jobs/{job}?wait=30").json()["status"] == "completed"
            assert other.get(f"/jobs/{job}/result").json()["text"] == "a"
            events = one.get(f"/jobs/{job}/events").text
            assert events.count('"status":"completed"') == 1
    done = [(tmp_path / f"log-{n}").read_text().count("job completed") for n in range(2)]
    assert sum(done) == 20
    assert min(done) > 0


def test_jobs_of_a_killed_process_are_taken_over(start: Start) -> None:
    killed = start(pace=5.0)
    with killed.client() as one:
        jobs = [submit(one, 1.0) for _ in range(4)]
        wait_for_status(one, jobs[0], "processing")
        with start().client() as other:
            killed.kill()
            for job in jobs:
                wait_for_status(other, job, "completed")
            ids = [job["id"] for job in every_job(other)]
            assert [ids.count(job) for job in jobs] == [1] * len(jobs)


def test_job_deleted_through_another_process_stops(start: Start, tmp_path: Path) -> None:
    with start(pace=2.0).client() as one, start(pace=2.0).client() as other:
        job = submit(one, 900.0)
        until = time.monotonic() + 60
        while not (worker := next((each for each in (one, other) if windows_encoded(each)), None)):
            assert time.monotonic() < until
            time.sleep(0.1)
        idle = other if worker is one else one
        assert idle.delete(f"/jobs/{job}").status_code == 204
        assert worker.get(f"/jobs/{job}").status_code == 404
        while list((tmp_path / "data" / "jobs").iterdir()):
            assert time.monotonic() < until
            time.sleep(0.1)
        encoded = -1.0
        while encoded != (encoded := windows_encoded(worker)):
            time.sleep(5)
        assert encoded < 45
        assert not list((tmp_path / "data" / "jobs").iterdir())


def test_job_outlives_the_loss_of_its_database(start: Start, server: PostgreSQL) -> None:
    with start(pace=0.5).client() as client:
        job = submit(client, 900.0)
        wait_for_status(client, job, "processing")
        server.stop()
        try:
            refused = client.get(f"/jobs/{job}")
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "jobs_unavailable"
            assert client.post("/transcribe", content=as_wav(tones(0, 1))).status_code == 200
        finally:
            server.start()
        wait_for_status(client, job, "completed")
        other = submit(client, 1.0)
        wait_for_status(client, other, "completed")
