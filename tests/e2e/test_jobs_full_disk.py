"""A full disk: new jobs are refused, those that were accepted are kept, and jobs can be erased."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import NORDLYD, RunningServer
from sounds import as_wav, tones

pytestmark = pytest.mark.long

_AUDIO = as_wav(tones(3, 60.0))
# In a mount namespace of its own, which a user may make too, and which ends with the process.
_ON_SMALL_DISK = """#!/bin/sh
exec unshare {user} --mount sh -c '
    mount -t tmpfs -o size=96m,mode=700 tmpfs "$NORDLYD_DATA" && exec "$0" "$@"
' {program} "$@"
"""


class SmallDisk:
    """A server whose data folder is a file system of 96 MiB.

    Args:
        folder: has its log.
        settings: of the server.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        data = folder / "data"
        data.mkdir()
        program = folder / "nordlyd"
        user = "" if os.geteuid() == 0 else "--user --map-root-user"
        program.write_text(_ON_SMALL_DISK.format(user=user, program=NORDLYD))
        program.chmod(0o700)
        self.server = RunningServer(folder, settings, program=program)
        self.server.wait_ready()
        self._inside = Path(f"/proc/{self.server.process.pid}/root{data}")
        self._filler = self._inside / "filler"

    def fill(self, *, leave: int) -> None:
        """Fills the disk but for so many bytes, or more where less is left already."""
        with self._filler.open("ab", buffering=0) as file:
            while (left := self._free() - leave) > 0:
                file.write(b"x" * min(left, 2**20))

    def empty(self) -> None:
        """Removes what `fill` has written."""
        self._filler.unlink()

    def _free(self) -> int:
        disk = os.statvfs(self._inside)
        return disk.f_bavail * disk.f_frsize


@pytest.fixture
def disk(tmp_path: Path, tiny_settings: dict[str, str]) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path, tiny_settings | {"KEEP_AUDIO": "forever"})
    yield small
    try:
        assert small.server.stop() == 0
    finally:
        small.server.process.kill()


@pytest.fixture
def client(disk: SmallDisk) -> Iterator[httpx.Client]:
    with disk.server.client() as connected:
        yield connected


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
