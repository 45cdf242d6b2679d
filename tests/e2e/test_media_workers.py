"""The processes that decode audio, seen from outside: requests when a process dies."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from audio_samples import flac_bomb, make
from running import NORDLYD, RunningServer, environment

pytestmark = pytest.mark.long

LONG = flac_bomb(hours=3.8)
"""Takes seconds of processor time to decode."""


@pytest.fixture(scope="module")
def settings(checkpoints: dict[str, Path]) -> dict[str, str]:
    return {
        "MODELS": str(checkpoints["tiny-nb"]),
        "DTYPE": "float32",
        "LOG_FORMAT": "json",
        "MEDIA_SECONDS": "300",
    }


@pytest.fixture(scope="module")
def server(
    settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("server"), settings).wait_ready()
    yield running
    running.stop()


def zygotes(process: psutil.Process) -> list[psutil.Process]:
    return [
        child
        for child in process.children()
        if any("app.audio.workers.zygote" in part for part in child.cmdline())
    ]


def workers(process: psutil.Process) -> list[psutil.Process]:
    return [worker for zygote in zygotes(process) for worker in zygote.children()]


def until(condition: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def busy(process: psutil.Process, seconds: float = 0.3) -> psutil.Process | None:
    """The worker that has computed longest, once it has for a while."""
    most = max(workers(process), key=lambda worker: worker.cpu_times().user, default=None)
    return most if most is not None and most.cpu_times().user > seconds else None


def kill_a_busy_one(process: psutil.Process, how: signal.Signals) -> None:
    until(lambda: busy(process) is not None)
    found = busy(process)
    assert found is not None
    found.send_signal(how)


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL])
def test_killed_worker_fails_its_own_request_only(
    server: RunningServer, how: signal.Signals
) -> None:
    process = psutil.Process(server.process.pid)
    answers: dict[str, httpx.Response] = {}

    def send(name: str, data: bytes) -> None:
        with server.client() as client:
            headers = {"x-request-id": name}
            answers[name] = client.post("/transcribe", content=data, headers=headers)

    long = threading.Thread(target=send, args=("long", LONG))
    long.start()
    kill_a_busy_one(process, how)
    killed = time.monotonic()
    send("clip", make("flac", seconds=0.5))
    until(lambda: len(workers(process)) == 2)
    assert time.monotonic() - killed < 30
    long.join(30)
    assert answers["clip"].status_code == 200
    assert answers["long"].status_code == 422, answers["long"].text
    assert answers["long"].json()["error"]["code"] == "media_crashed"
    reason = "crash" if how is signal.SIGSEGV else "memory"
    with server.client() as client:
        metrics = client.get("/metrics").text
    assert f'nordlyd_media_worker_restarts_total{{reason="{reason}"}} 1.0' in metrics
    log = [json.loads(line) for line in server.log.read_text().splitlines() if line[0] == "{"]
    lost = [entry for entry in log if entry["event"] == "a media worker was lost"]
    line = lost[-1]
    assert line["detail"] == how.name
    assert line["request_id"] == "long"
    assert line["format"] == "FLAC"
    (sandboxed,) = [entry for entry in log if entry["event"] == "media workers are sandboxed"]
    assert "rlimits" in sandboxed["by"]


def test_killed_service_leaves_no_process_and_no_file(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setenv("TMPDIR", str(spool))
    running = RunningServer(tmp_path, settings).wait_ready()
    process = psutil.Process(running.process.pid)

    def send() -> None:
        try:
            with running.client() as client:
                client.post("/transcribe", content=LONG + bytes(4 * 2**20))
        except httpx.HTTPError:
            return

    thread = threading.Thread(target=send)
    thread.start()
    until(lambda: busy(process) is not None)
    # A stopped one is not to be left either.
    found = busy(process)
    assert found is not None
    found.send_signal(signal.SIGSTOP)
    all_of_them = [*zygotes(process), *workers(process)]
    assert len(all_of_them) >= 3
    running.process.kill()
    running.process.wait()
    thread.join(30)
    until(lambda: not any(one.is_running() for one in all_of_them))
    assert list(spool.iterdir()) == []


def test_command_lists_a_crashing_recording_and_continues(
    settings: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "1-long.flac").write_bytes(LONG)
    for name in ("2.flac", "3.flac"):
        (folder / name).write_bytes(make("flac", seconds=0.5))
    command = [NORDLYD, "transcribe", folder, "--output", tmp_path / "texts", "--language", "nb"]
    with subprocess.Popen(
        command,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            kill_a_busy_one(psutil.Process(run.pid), signal.SIGSEGV)
            _, errors = run.communicate(timeout=120)
        finally:
            run.kill()
    assert run.returncode == 1, errors
    assert "2 transcribed, 1 failed" in errors
    assert "1-long.flac" in errors
    assert {path.name for path in (tmp_path / "texts").glob("?.txt")} == {"2.txt", "3.txt"}
    assert "1-long.flac" in (tmp_path / "texts" / "failed.txt").read_text()


def test_command_reports_a_crashing_live_source(settings: dict[str, str], tmp_path: Path) -> None:
    read, write = os.pipe()
    with subprocess.Popen(
        [NORDLYD, "stream", "-", "--language", "nb"],
        env=environment(settings), stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as run:  # fmt: skip
        os.close(read)
        process = psutil.Process(run.pid)
        try:
            os.write(write, make("flac", seconds=3.0)[:2_000])
            # Those of the model's own, and those that read the pipe.
            until(lambda: len(zygotes(process)) == 2 and len(workers(process)) >= 4)
            time.sleep(1.0)
            for worker in workers(process):
                worker.send_signal(signal.SIGSEGV)
            _, errors = run.communicate(timeout=120)
        finally:
            os.close(write)
            run.kill()
    assert run.returncode not in {0, None}
    assert "cannot be read" in errors
    assert "Traceback" not in errors


def test_hour_of_audio_takes_less_than_80_mb(server: RunningServer) -> None:
    process = psutil.Process(server.process.pid)

    def post(hours: float) -> float:
        with server.client() as client:
            answer = client.post("/transcribe", content=flac_bomb(hours=hours))
        assert answer.status_code == 200, answer.text
        duration: float = answer.json()["duration"]
        return duration

    post(0.01)
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    loaded = process.memory_info().rss
    assert post(1.0) > 3_599
    (mark,) = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    assert 1024 * int(mark) - loaded < 80 * 2**20
    # The worker may have held more than it needs; another takes its place.
    until(lambda: len(workers(process)) == 2)
    assert all(worker.memory_info().rss < 200 * 2**20 for worker in workers(process))
