"""`kill -9` at each step of a job: it completes once, with the same result and one webhook id."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jobs_process import JobsProcess
from sounds import as_wav, tones
from webhook_receiver import SECRET, Receiver, webhook_receiver

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

# Two groups of windows.
_AUDIO = as_wav(tones(0, 700.0))
_GROUPS = 2
STEPS = (
    "begun", "between groups", "text is decoded", "result is written", "result is kept", "ended",
)  # fmt: skip
_SLICE_SECONDS = 0.003
_CHAINS = 3


class Watched:
    """A job as the disk shows it.

    Args:
        data: the data folder.
        job: its id.
    """

    def __init__(self, data: Path, job: str) -> None:
        self._database = data / "nordlyd.db"
        self._folder = data / "jobs" / job
        self._job = job

    @property
    def step(self) -> int:
        """The number of its step in `STEPS`; -1 before the first."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            query = "SELECT status FROM jobs WHERE id = ?"
            [status] = connection.execute(query, [self._job]).fetchone()
        if status == "completed":
            return 5
        if (self._folder / "result.json").exists():
            return 4
        if list(self._folder.glob(".tmp-result.json-*")):
            return 3
        groups = len(list(self._folder.glob("emissions/[!.]*")))
        if groups:
            return 2 if groups == _GROUPS else 1
        return 0 if status == "processing" else -1


def stop(pid: int) -> None:
    """Suspends a process, and waits until it is."""
    os.kill(pid, signal.SIGSTOP)
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.0005)


def kill_at(process: JobsProcess, job: Watched, wanted: int) -> int:
    """Lets a process run for moments until a job has come to a step, kills it; returns the step."""
    until = time.monotonic() + 120
    while (step := job.step) < wanted:
        assert time.monotonic() < until
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(_SLICE_SECONDS)
        stop(process.pid)
    process.kill()
    return step


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {"data": str(tmp_path / "data"), "webhook_secret": SECRET, "pace": 0.02}


def test_job_killed_at_each_step_completes_once(settings: dict[str, Any], tmp_path: Path) -> None:
    seen: set[int] = set()
    with webhook_receiver() as receiver:
        settings["url_hosts"] = receiver.rule
        for chain in range(_CHAINS):
            if seen != set(range(len(STEPS))):
                seen |= kill_along(settings, tmp_path, receiver, f"/{chain}")
    assert {STEPS[step] for step in seen} == set(STEPS)


def kill_along(settings: dict[str, Any], folder: Path, receiver: Receiver, path: str) -> set[int]:
    """Kills the service at each step of a job that it can be stopped at; returns these."""
    process = JobsProcess(settings, folder / "log")
    seen = set()
    try:
        with process.client() as client:
            params = {"webhook_url": receiver.url(path)}
            whole = client.post("/jobs", content=_AUDIO).json()["id"]
            assert client.get(f"/jobs/{whole}?wait=60").json()["status"] == "completed"
            expected = client.get(f"/jobs/{whole}/result").json()
            job = client.post("/jobs", content=_AUDIO, params=params).json()["id"]
        watched = Watched(Path(settings["data"]), job)
        for wanted in range(len(STEPS)):
            if watched.step < wanted:
                seen.add(kill_at(process, watched, wanted))
                process = JobsProcess(settings, folder / "log")
        if not seen:
            process.kill()
            process = JobsProcess(settings, folder / "log")
        with process.client() as client:
            assert client.get(f"/jobs/{job}?wait=60").json()["status"] == "completed"
            result = client.get(f"/jobs/{job}/result").json()
            assert result | {"request_id": whole} == expected
            assert client.get(f"/jobs/{job}/events").text.count('"status":"completed"') == 1
            assert {each.id for each in receiver.wait(path)} == {receiver.at(path)[0].id}
    finally:
        process.kill()
    return seen
