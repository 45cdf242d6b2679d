"""`deploy/ray/serve.yaml` as it is, but for its address: the API behind Ray's proxy."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from cluster_server import kill_all
from demo_model import DEMO, sample_texts
from live import StreamLog, live_url, receive, recording, sample, send
from openai import OpenAI
from running import environment
from websockets.asyncio.client import connect

REPOSITORY = Path(__file__).parents[2]
SPEECH = DEMO / "samples" / "sample-1.flac"

pytestmark = pytest.mark.ray


@dataclass(frozen=True)
class Deployed:
    """Where the API is."""

    address: str


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The applications of the config, on a cluster of their own."""
    folder = tmp_path_factory.mktemp("deployed")
    config = yaml.safe_load((REPOSITORY / "deploy" / "ray" / "serve.yaml").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    (folder / "serve.yaml").write_text(yaml.safe_dump(config))
    settings = {"DATA": str(folder / "data"), "THREADS": "1"}
    with (
        tempfile.TemporaryDirectory(prefix="nordlyd-ray-", dir="/tmp") as ray,
        (folder / "serve.log").open("wb") as log,
    ):
        process = subprocess.Popen(
            [Path(sys.executable).with_name("serve"), "run", str(folder / "serve.yaml")],
            env=environment(settings) | {"RAY_TMPDIR": ray, "PATH": os.environ["PATH"]},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        running = Deployed(f"http://127.0.0.1:{port}")
        try:
            wait_ready(running, folder / "serve.log", process)
            yield running
        finally:
            serve = psutil.Process(process.pid)
            kill_all([serve, *serve.children(recursive=True)])
            process.wait()


def wait_ready(running: Deployed, log: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{running.address}/health/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(log.read_text())


def test_recording_events_and_stream_pass_through_the_proxy(deployed: Deployed) -> None:
    answer = httpx.post(f"{deployed.address}/transcribe", content=SPEECH.read_bytes(), timeout=60)
    assert answer.json()["text"] == sample_texts()[0]
    with OpenAI(base_url=f"{deployed.address}/v1", api_key="any", max_retries=0) as client:
        events = list(
            client.audio.transcriptions.create(file=SPEECH, model="whisper-1", stream=True)
        )
    assert [event.type for event in events][-1] == "transcript.text.done"
    assert events[-1].text.lower().rstrip(".") == sample_texts()[0]
    url = live_url(deployed, encoding="s16le", rate=16000)  # type: ignore[arg-type]
    for log in asyncio.run(streams(url)):
        assert log.text == sample_texts()[0]
        assert log.kinds[-1] == "end"


async def streams(url: str) -> list[StreamLog]:
    """Sends a recording a few times, each at once and without waiting for `ready`."""
    logs = []
    for _ in range(5):
        async with asyncio.timeout(60), connect(url) as socket:
            await send(socket, recording(sample(1)))
            logs.append(await receive(socket, StreamLog()))
    return logs


def test_error_has_its_status_behind_the_proxy(deployed: Deployed) -> None:
    answer = httpx.post(f"{deployed.address}/transcribe", content=b"no audio", timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_audio")
