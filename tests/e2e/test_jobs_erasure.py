"""Erased jobs: no byte of them is left in the data folder, the storage and the log."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from postgresql import postgresql
from running import RunningServer
from s3_server import S3Server
from sounds import as_wav, tones

pytestmark = pytest.mark.long

_SECONDS = 40.0
_NAME = "unusual-name-of-a-recording.wav"
_CASE = "case-number-4711-of-2026"
_TEXT = "kvernsteinen fantes ikke"
_AUDIO = as_wav(tones(7, 4.0))
_NEEDLES = (_NAME.encode(), _CASE.encode(), _TEXT.encode(), _AUDIO[40_000:40_064])


@contextmanager
def serving(
    folder: Path, settings: dict[str, str], **changes: str
) -> Iterator[tuple[RunningServer, httpx.Client]]:
    running = RunningServer(folder, settings | changes)
    try:
        running.wait_ready()
        with running.client() as client:
            yield running, client
        if running.process.poll() is None:
            assert running.stop() == 0
    finally:
        running.process.kill()


def submit(client: httpx.Client, **fields: str) -> str:
    """Hands in an alignment of the text, under the name and with the case; returns its id."""
    form = {"text": _TEXT, "language": "nb", "metadata": json.dumps({"case": _CASE})} | fields
    answer = client.post("/jobs", files={"file": (_NAME, _AUDIO)}, data=form)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def completed(client: httpx.Client, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = client.get(f"/jobs/{job_id}?wait=60").json()
    assert job["status"] == "completed", job
    return job


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def kept_in(folder: Path, needles: Sequence[bytes]) -> dict[str, list[str]]:
    """Each needle that some file below a folder, of whatever kind, contains; and which files."""
    contents = {}
    for path in folder.rglob("*"):
        # Files are being deleted.
        with suppress(FileNotFoundError):
            if path.is_file():
                contents[path.relative_to(folder).as_posix()] = path.read_bytes()
    found = {
        repr(needle): sorted(name for name, data in contents.items() if needle in data)
        for needle in needles
    }
    return {needle: names for needle, names in found.items() if names}


def audit(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "data" / "audit.jsonl").read_text().splitlines()
    return [(entry["action"], entry["job"]) for entry in map(json.loads, lines)]


def test_deleted_job_leaves_no_byte(tmp_path: Path, tiny_settings: dict[str, str]) -> None:
    talkative = {"KEEP_AUDIO": "forever", "LOG_LEVEL": "debug"}
    with serving(tmp_path, tiny_settings, **talkative) as (_, client):
        job_id = submit(client)
        completed(client, job_id)
        result = client.get(f"/jobs/{job_id}/result")
        assert result.status_code == 200
        assert set(kept_in(tmp_path / "data", _NEEDLES)) == set(map(repr, _NEEDLES))
        assert client.delete(f"/jobs/{job_id}").status_code == 204
        # At once, and in every file: the database, its log, the log of the service.
        assert kept_in(tmp_path, [*_NEEDLES, result.content]) == {}
        assert list(kept_in(tmp_path / "data", [job_id.encode()]).values()) == [["audit.jsonl"]]
        assert client.get(f"/jobs/{job_id}").status_code == 404
    assert kept_in(tmp_path, _NEEDLES) == {}
    assert audit(tmp_path) == [
        ("submitted", job_id),
        ("fetched", job_id),
        ("deleted", job_id),
    ]
    [first, *_] = (tmp_path / "data" / "audit.jsonl").read_text().splitlines()
    assert json.loads(first)["client"] == "127.0.0.1"


def test_jobs_that_are_deleted_at_once_while_they_wait_leave_no_byte(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    with serving(tmp_path, tiny_settings) as (_, client):
        jobs = [submit(client) for _ in range(6)]
        with ThreadPoolExecutor() as threads:
            answers = list(threads.map(client.delete, [f"/jobs/{job_id}" for job_id in jobs]))
        assert {answer.status_code for answer in answers} == {204}
        assert kept_in(tmp_path, _NEEDLES) == {}
        assert client.get("/jobs").json()["jobs"] == []


def test_expired_job_leaves_no_byte(tmp_path: Path, tiny_settings: dict[str, str]) -> None:
    with serving(tmp_path, tiny_settings, KEEP_RESULTS="1h", KEEP_AUDIO="forever") as (_, client):
        too_long = client.post(
            "/jobs", files={"file": (_NAME, _AUDIO)}, data={"expires_in": "3601"}
        )
        assert too_long.status_code == 400
        assert too_long.json()["error"]["param"] == "expires_in"
        assert "at most 3600" in too_long.json()["error"]["message"]
        kept = submit(client)
        # Longer than a busy machine takes to answer that it has ended.
        job_id = submit(client, expires_in="6")
        job = completed(client, job_id)
        assert job["expires_at"] > job["completed_at"]
        until(lambda: client.get(f"/jobs/{job_id}").status_code == 404)
        until(lambda: ("expired", job_id) in audit(tmp_path))
        assert completed(client, kept)["expires_at"] is not None
        assert client.delete(f"/jobs/{kept}").status_code == 204
        # The rule is noted once the job is hidden, which is before the last of it is gone.
        until(lambda: kept_in(tmp_path, _NEEDLES) == {})


def test_recording_is_erased_at_the_end_of_its_job_by_default(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    with serving(tmp_path, tiny_settings) as (_, client):
        job_id = submit(client)
        completed(client, job_id)
        until(lambda: ("audio_expired", job_id) in audit(tmp_path))
        assert kept_in(tmp_path, [_AUDIO[40_000:40_064]]) == {}
        assert client.get(f"/jobs/{job_id}/result").status_code == 200
        assert sorted(path.name for path in (tmp_path / "data" / "jobs" / job_id).iterdir()) == [
            "result.json"
        ]


def test_jobs_that_expired_while_the_service_was_off_are_erased_by_the_next_start(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    with serving(tmp_path, tiny_settings, KEEP_RESULTS="forever") as (_, client):
        job_id = submit(client)
        assert completed(client, job_id)["expires_at"] is None
    with serving(tmp_path, tiny_settings, KEEP_RESULTS="0") as (_, client):
        until(lambda: client.get(f"/jobs/{job_id}").status_code == 404)
        until(lambda: kept_in(tmp_path, _NEEDLES) == {})


def test_erasure_that_was_interrupted_by_a_kill_is_finished_by_the_next_start(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    storage, gone = tmp_path / "storage", tmp_path / "unmounted"
    elsewhere = {"STORAGE": str(storage), "KEEP_AUDIO": "forever"}
    with serving(tmp_path, tiny_settings, **elsewhere) as (running, client):
        job_id = submit(client)
        completed(client, job_id)
        storage.rename(gone)
        assert client.delete(f"/jobs/{job_id}").status_code == 503
        assert client.get(f"/jobs/{job_id}").status_code == 404
        assert client.post("/jobs", files={"file": (_NAME, _AUDIO)}).status_code == 503
        running.process.kill()
        running.process.wait(20)
        gone.rename(storage)
        assert set(kept_in(storage, _NEEDLES)) == {repr(_NEEDLES[-1])}
        with serving(tmp_path, tiny_settings, **elsewhere) as (_, again):
            until(lambda: kept_in(tmp_path, _NEEDLES) == {})
            assert again.get("/jobs").json()["jobs"] == []


@pytest.mark.postgresql
def test_deleted_job_leaves_no_row_in_postgresql(
    tmp_path: Path, tiny_settings: dict[str, str]
) -> None:
    with postgresql() as server:
        shared = {"DATABASE_URL": server.url, "KEEP_AUDIO": "forever"}
        with serving(tmp_path, tiny_settings, **shared) as (_, client):
            job_id = submit(client)
            completed(client, job_id)
            needles = (_NAME, _CASE, _TEXT, job_id)
            assert all(needle in server.dump() for needle in needles)
            assert client.delete(f"/jobs/{job_id}").status_code == 204
            assert not any(needle in server.dump() for needle in needles)
            assert kept_in(tmp_path, _NEEDLES) == {}


def test_jobs_in_a_bucket_are_worked_on_and_erased_also_after_it_was_gone(
    tmp_path: Path,
    tiny_settings: dict[str, str],
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    before = s3_server.objects()
    bucket = {"STORAGE": f"s3://nordlyd/{tmp_path.name}", "KEEP_AUDIO": "forever"}
    with serving(tmp_path, tiny_settings, **bucket) as (_, client):
        job_id = submit(client)
        completed(client, job_id)
        assert client.get(f"/jobs/{job_id}/result").status_code == 200
        stored = [key.split("/")[-1] for key in s3_server.objects() if job_id in key]
        assert stored == ["audio", "result.json"]
        s3_server.stop()
        try:
            refused = client.post("/jobs", files={"file": (_NAME, _AUDIO)})
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "jobs_unavailable"
            assert client.get(f"/jobs/{job_id}/result").status_code == 503
            assert client.get(f"/jobs/{job_id}").status_code == 200
            # It is hidden at once, and erased when the bucket is back.
            assert client.delete(f"/jobs/{job_id}").status_code == 503
            assert client.get(f"/jobs/{job_id}").status_code == 404
        finally:
            s3_server.start()
        until(lambda: s3_server.objects() == before)
        until(lambda: kept_in(tmp_path, _NEEDLES) == {})
        hurried = [
            client.post("/jobs", content=as_wav(tones(3, 60.0))).json()["id"] for _ in "abcd"
        ]
        s3_server.stop()
        time.sleep(2)
        s3_server.start()
        for job_id in hurried:
            completed(client, job_id)
