"""A full disk: new jobs are refused, those that were accepted are kept, and jobs can be erased."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import NORDLYD, RunningServer
from small_disk import SmallDisk, small_disk
from sounds import as_wav, tones

pytestmark = pytest.mark.long

_AUDIO = as_wav(tones(3, 60.0))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 96 MiB."""
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 96 * 2**20) as small:
        yield small


@pytest.fixture
def client(
    disk: SmallDisk, tmp_path: Path, tiny_settings: dict[str, str]
) -> Iterator[httpx.Client]:
    """A client of a server whose data folder is on the disk."""
    program = tmp_path / "nordlyd"
    program.write_text(f'#!/bin/sh\nexec {shlex.join([*disk.enter, str(NORDLYD)])} "$@"\n')
    program.chmod(0o700)
    settings = {"KEEP_AUDIO": "forever", "DATA": str(disk.mounted / "data")}
    server = RunningServer(tmp_path, tiny_settings | settings, program=program)
    try:
        with server.wait_ready().client() as connected:
            yield connected
        assert server.stop() == 0
    finally:
        server.process.kill()


def submit(client: httpx.Client) -> httpx.Response:
    return client.post("/jobs", content=_AUDIO, params={"language": "nb"})


def completed(client: httpx.Client, job_id: str) -> None:
    until = time.monotonic() + 120
    while (job := client.get(f"/jobs/{job_id}?wait=30").json())["status"] != "completed":
        assert job["status"] in {"queued", "processing"}, job
        assert time.monotonic() < until


def test_disk_without_room_refuses_new_jobs_and_keeps_those_it_has(
    disk: SmallDisk, client: httpx.Client
) -> None:
    done = submit(client).json()["id"]
    completed(client, done)
    running = [submit(client).json()["id"] for _ in range(3)]
    disk.fill(leave=60 * 2**20)
    refused = submit(client)
    assert refused.status_code == 507
    assert refused.json()["error"]["code"] == "insufficient_storage"
    assert "64 MiB are for jobs that were accepted" in refused.json()["error"]["message"]
    for job_id in (done, *running):
        completed(client, job_id)
        assert client.get(f"/jobs/{job_id}/result").status_code == 200
    assert len(client.get("/jobs").json()["jobs"]) == 4
    disk.empty()
    completed(client, submit(client).json()["id"])


def test_full_disk_interrupts_jobs_and_they_complete_once_there_is_room(
    disk: SmallDisk, client: httpx.Client
) -> None:
    done = submit(client).json()["id"]
    completed(client, done)
    running = [submit(client).json()["id"] for _ in range(4)]
    disk.fill(leave=0)
    assert submit(client).status_code == 507
    assert client.get(f"/jobs/{done}/result").status_code == 200
    assert client.delete(f"/jobs/{done}").status_code == 204
    assert client.get(f"/jobs/{done}").status_code == 404
    disk.fill(leave=0)
    time.sleep(2)
    disk.empty()
    for job_id in running:
        completed(client, job_id)
    assert [job["id"] for job in client.get("/jobs").json()["jobs"]] == sorted(running)[::-1]
