"""Start and stop of a real server: what fails the start, and what a stop waits for."""

import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from checkpoints import write_tiny_checkpoint
from ngrams import write_language_model
from running import NORDLYD, RunningServer, environment, wait_until_queued
from troubles import troubles

pytestmark = pytest.mark.long


def failed_start(settings: dict[str, str], *arguments: str) -> str:
    """Starts a server that cannot start; returns the one line it ends with."""
    ended = subprocess.run(
        [NORDLYD, "serve", *arguments],
        env=environment({"LOG_FORMAT": "json"} | settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("nordlyd: ")
    return lines[0]


@pytest.mark.long
def test_sigstop_and_sigcont_keep_running_requests(
    tiny_settings: dict[str, str], tmp_path: Path, clip
) -> None:
    running = RunningServer(tmp_path, tiny_settings | {"HANG_SECONDS": "1"}).wait_ready()
    answers: list[httpx.Response] = []
    wav = clip(1, 300.0)
    with running.client() as client, running.client() as other:
        sender = threading.Thread(
            target=lambda: answers.append(other.post("/transcribe", content=wav))
        )
        sender.start()
        wait_until_queued(client)
        running.process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        running.process.send_signal(signal.SIGCONT)
        assert client.get("/health/ready").status_code == 200
        sender.join()
    assert answers[0].status_code == 200
    assert running.stop() == 0
    assert troubles(running.log) == []


@pytest.mark.long
def test_sigterm_finishes_running_requests_and_refuses_new_ones(
    tiny_settings: dict[str, str], tmp_path: Path, clip
) -> None:
    running = RunningServer(tmp_path, tiny_settings | {"DRAIN_SECONDS": "100"}).wait_ready()
    answers: list[httpx.Response] = []
    wav = clip(1, 300.0)
    with running.client() as client, running.client() as other:
        sender = threading.Thread(
            target=lambda: answers.append(other.post("/transcribe", content=wav))
        )
        sender.start()
        wait_until_queued(client)
        running.signal_stop()
        while (ready := client.get("/health/ready")).status_code == 200:
            pass
        assert ready.json()["error"]["code"] == "draining"
        assert int(ready.headers["retry-after"]) > 0
        assert client.get("/health/live").status_code == 200
        refused = client.post("/transcribe", content=clip())
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "draining"
        assert not answers
        sender.join()
    assert answers[0].status_code == 200
    assert answers[0].json()["duration"] == 300.0
    assert running.process.wait(30) == 0
    assert troubles(running.log) == []


@pytest.mark.long
def test_requests_running_after_drain_seconds_are_503_and_the_process_exits(
    tiny_settings: dict[str, str], tmp_path: Path, clip
) -> None:
    running = RunningServer(tmp_path, tiny_settings | {"DRAIN_SECONDS": "0.2"}).wait_ready()
    answers: list[httpx.Response] = []
    wav = clip(1, 900.0)
    with running.client() as client, running.client() as other:
        sender = threading.Thread(
            target=lambda: answers.append(other.post("/transcribe", content=wav))
        )
        sender.start()
        wait_until_queued(client)
        running.signal_stop()
        sender.join()
    assert answers[0].status_code == 503
    assert answers[0].json()["error"]["code"] == "draining"
    assert running.process.wait(30) == 0


@pytest.mark.long
def test_sigterm_during_model_loading_exits_cleanly(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    running = RunningServer(tmp_path, tiny_settings)
    while "listening" not in running.log.read_text():
        assert running.process.poll() is None
    with running.client() as client:
        # It answers before it is ready.
        assert client.get("/health/live").status_code == 200
    assert running.stop() == 0


def test_start_with_a_missing_model_names_its_files_and_the_pull_command(tmp_path: Path) -> None:
    line = failed_start({"MODELS": "wav2vec2-xlsr-1B-NPSC-NN", "STORE": str(tmp_path)})
    assert "wav2vec2-xlsr-1B-NPSC-NN" in line
    assert "missing config.json" in line
    assert "nordlyd models pull" in line


def test_start_with_an_unknown_model_lists_the_catalogue() -> None:
    assert "demo-nn" in failed_start({"MODELS": "demo-sv"})


@pytest.mark.long
def test_damaged_checkpoint_fails_the_start_and_is_named(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in checkpoints["tiny-nb"].iterdir():
        if file.name != "model.toml":
            (damaged / file.name).write_bytes(file.read_bytes())
    (damaged / "model.safetensors").write_bytes(b"not weights")
    assert "damaged" in failed_start({"MODELS": str(damaged)}, "--port", "0")


@pytest.mark.long
def test_damaged_language_model_fails_the_start_and_is_named(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "tiny", languages=("nn",), seed=2)
    damaged = write_language_model(folder / "language_model", ["a", "a b"], order=2)
    [file] = damaged.glob("*.arpa")
    file.write_bytes(file.read_bytes()[:40])
    line = failed_start({"MODELS": str(folder)}, "--port", "0")
    assert str(file) in line


def test_start_on_a_port_in_use_names_the_address(tiny_settings: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = failed_start(tiny_settings, "--port", str(port))
    assert f"127.0.0.1:{port}" in line
    assert "in use" in line


def test_public_bind_without_keys_is_refused(tiny_settings: dict[str, str]) -> None:
    line = failed_start(tiny_settings, "--host", "0.0.0.0", "--port", "0")
    assert "NORDLYD_API_KEYS" in line
    assert "NORDLYD_ALLOW_ANONYMOUS" in line


@pytest.mark.long
def test_public_bind_with_keys_starts(tiny_settings: dict[str, str], tmp_path: Path) -> None:
    settings = tiny_settings | {"API_KEYS": "a-key"}
    running = RunningServer(tmp_path, settings, ("--host", "0.0.0.0")).wait_ready()
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PORT": "http"}, "NORDLYD_PORT is 'http'"),
        ({"PORT": "tcp://10.0.0.1:8000"}, "service links"),
        ({"WINDOW_SECONDS": "1"}, "NORDLYD_WINDOW_SECONDS is '1'"),
        ({"ROUTES": "nn"}, "NORDLYD_ROUTES is 'nn': must be JSON"),
        ({"DEFAULT_LANGUAGE": "sv"}, "NORDLYD_DEFAULT_LANGUAGE"),
        ({"CATALOGUE": "/nowhere"}, "NORDLYD_CATALOGUE"),
    ],
)
def test_invalid_setting_is_named_in_the_error(
    tiny_settings: dict[str, str], settings: dict[str, str], message: str
) -> None:
    assert message in failed_start(tiny_settings | settings)
