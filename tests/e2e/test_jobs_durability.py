"""Jobs of `nordlyd serve` across the death of the process: what was kept is not computed again."""

import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from running import RunningServer
from sounds import as_wav, tones

RATE = 8000
MINUTES = 60
WINDOWS = 60 * MINUTES // 20
"""How many windows of 24 s, with 2 s of context on both sides, the recording has at least."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def long_recording() -> bytes:
    """An hour as a WAV file of telephone quality."""
    minute = tones(0, 60)[::2]
    file = io.BytesIO()
    soundfile.write(file, np.tile(minute, MINUTES), RATE, format="WAV", subtype="ULAW")
    return file.getvalue()


@pytest.fixture
def settings(tiny_settings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return tiny_settings | {"MAX_AUDIO_SECONDS": "10000", "DATA": str(tmp_path / "kept")}


@pytest.fixture
def first(settings: dict[str, str], tmp_path: Path) -> Iterator[RunningServer]:
    (tmp_path / "first").mkdir()
    running = RunningServer(tmp_path / "first", settings)
    yield running.wait_ready()
    running.process.kill()
    running.process.wait()


def submit(client: httpx.Client, recording: bytes) -> str:
    """Hands in a recording; returns the job's id."""
    answer = client.post("/jobs?language=nb&decoder=greedy", content=recording)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def windows_encoded(client: httpx.Client) -> float:
    """How many windows the server has encoded since its start."""
    metrics = client.get("/metrics").text
    return sum(map(float, re.findall(r"^nordlyd_batch_items_sum{.*} (.*)$", metrics, re.M)))


def wait_for_progress(client: httpx.Client, job: str, progress: float) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = client.get(f"/jobs/{job}").json()
        assert found["status"] in ("queued", "processing"), found
        if found["progress"] >= progress:
            return
        time.sleep(0.02)
    raise AssertionError(found)


def wait_completed(client: httpx.Client, job: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = client.get(f"/jobs/{job}?wait=30").json()
        if found["status"] not in ("queued", "processing"):
            break
    assert found["status"] == "completed", found


def test_killed_server_continues_the_job_where_it_was(
    first: RunningServer, settings: dict[str, str], tmp_path: Path, long_recording: bytes
) -> None:
    with first.client() as client:
        job = submit(client, long_recording)
        wait_for_progress(client, job, 0.5)
    first.process.kill()
    first.process.wait()

    (tmp_path / "second").mkdir()
    second = RunningServer(tmp_path / "second", settings).wait_ready()
    with second.client() as client:
        wait_completed(client, job)
        assert 0 < windows_encoded(client) < 0.75 * WINDOWS
        result = client.get(f"/jobs/{job}/result").json()
        assert result["duration"] == pytest.approx(60 * MINUTES)
        other = submit(client, long_recording)
        wait_completed(client, other)
        unbroken = client.get(f"/jobs/{other}/result").json()
        assert result["words"] == unbroken["words"]
        assert not list((tmp_path / "kept" / "jobs" / job).glob("emissions*"))
    assert second.stop() == 0


def test_stopped_server_does_not_wait_for_jobs_and_continues_them(
    first: RunningServer, settings: dict[str, str], tmp_path: Path, long_recording: bytes
) -> None:
    with first.client() as client:
        job = submit(client, long_recording)
        wait_for_progress(client, job, 0.1)
    started = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - started < 10

    (tmp_path / "second").mkdir()
    second = RunningServer(tmp_path / "second", settings).wait_ready()
    with second.client() as client:
        wait_completed(client, job)
    assert second.stop() == 0


def test_second_server_refuses_a_data_folder_in_use(
    first: RunningServer, settings: dict[str, str], tmp_path: Path
) -> None:
    with first.client() as client:
        submit(client, as_wav(tones(0, 1)))
    (tmp_path / "second").mkdir()
    second = RunningServer(tmp_path / "second", settings)
    assert second.process.wait(60) == 1
    assert "NORDLYD_DATA" in second.log.read_text()
