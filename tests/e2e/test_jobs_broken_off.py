"""Jobs whose recording breaks off, and a database that is damaged: what is left on disk."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import RunningServer
from sounds import as_wav, tones

pytestmark = pytest.mark.long

AUDIO = as_wav(tones(0, 120.0))
HEAD = b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def settings(tiny_settings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    (tmp_path / "spool").mkdir()
    return tiny_settings | {"DATA": str(tmp_path / "data")}


@pytest.fixture
def server(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningServer]:
    """A server whose temporary files are in `spool`."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "spool"))
    running = RunningServer(tmp_path, settings)
    yield running.wait_ready()
    running.process.kill()
    running.process.wait()


def received(server: RunningServer) -> socket.socket:
    """Sends a job with half of its recording."""
    url = httpx.URL(server.address)
    connection = socket.create_connection((url.host, url.port), timeout=20)
    connection.sendall(HEAD % len(AUDIO) + AUDIO[: len(AUDIO) // 2])
    time.sleep(0.5)
    return connection


def assert_nothing_is_left(client: httpx.Client, folder: Path) -> None:
    assert client.get("/jobs").json()["jobs"] == []
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(AUDIO[40_000:40_064] in content for content in contents)


def test_client_that_goes_away_during_its_upload_leaves_no_job(
    server: RunningServer, tmp_path: Path
) -> None:
    received(server).close()
    with server.client() as client:
        assert client.post("/jobs", content=AUDIO).status_code == 202
        [job] = client.get("/jobs").json()["jobs"]
        assert client.delete(f"/jobs/{job['id']}").status_code == 204
        assert_nothing_is_left(client, tmp_path)


def test_kill_during_an_upload_leaves_no_job(
    server: RunningServer, settings: dict[str, str], tmp_path: Path
) -> None:
    with received(server):
        server.process.kill()
        server.process.wait()
    again = RunningServer(tmp_path, settings).wait_ready()
    try:
        with again.client() as client:
            assert_nothing_is_left(client, tmp_path)
            assert client.post("/jobs", content=AUDIO).status_code == 202
    finally:
        assert again.stop() == 0


def test_damaged_database_is_named_and_left_as_it_is(
    settings: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "data" / "nordlyd.db"
    file.parent.mkdir()
    file.write_bytes(b"damaged " * 1000)
    running = RunningServer(tmp_path, settings | {"API_KEYS": "configured"}).wait_ready()
    try:
        with running.client(headers={"authorization": "Bearer configured"}) as client:
            assert client.post("/transcribe", content=AUDIO).status_code == 200
            refused = client.post("/jobs", content=AUDIO)
            assert (refused.status_code, refused.json()["error"]["code"]) == (
                503, "jobs_unavailable",
            )  # fmt: skip
            assert "nordlyd.db in NORDLYD_DATA is damaged" in refused.json()["error"]["message"]
        with running.client(headers={"authorization": "Bearer stored"}) as client:
            assert client.post("/transcribe", content=AUDIO).status_code == 503
    finally:
        assert running.stop() == 0
    assert file.read_bytes() == b"damaged " * 1000
