"""A pod of the Helm chart: it serves, passes its probes, and stops in time."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from chart import Chart, variables
from dockerfile import assignments, parse_dockerfile
from service_client import open_url, post_tone

pytestmark = pytest.mark.deploy


def test_health_check_restarts_only_a_service_that_hangs(repository: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        state = "ready"

        def do_GET(self) -> None:
            body = f'{{"state": "{self.state}"}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        environment = os.environ | {"NORDLYD_PORT": str(server.server_port)}
        check = [sys.executable, repository / "deploy/healthcheck.py", "--live"]
        statuses = {}
        for Handler.state in ("loading", "ready", "draining", "hung"):
            run = subprocess.run(check, env=environment, capture_output=True, check=False)
            statuses[Handler.state] = run.returncode
        server.shutdown()
    assert statuses == {"loading": 0, "ready": 0, "draining": 0, "hung": 1}
    run = subprocess.run(check, env=environment, capture_output=True, check=False)
    assert run.returncode == 1


@pytest.fixture
def pod(
    chart: Chart,
    repository: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    new_port: Callable[[], int],
) -> tuple[dict[str, str], dict]:
    """The environment and the container of a rendered pod, with its paths below a folder here."""
    server = chart.render(
        None, 'auth.keys=["0123456789abcdef"]', 'device="cpu"', 'models.ids=["tiny"]'
    )
    [container] = server.server()["containers"]
    image = parse_dockerfile((repository / "Dockerfile").read_text("utf-8"))[-1]
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    environment |= {k: v for k, v in assignments(image.last("ENV").value).items() if k != "PATH"}
    for name, entry in variables(container).items():
        if "value" in entry:
            environment[name] = entry["value"]
        elif "resourceFieldRef" in entry["valueFrom"]:
            environment[name] = "1"
        else:
            environment[name] = "0123456789abcdef"
    environment["NORDLYD_PORT"] = str(new_port())
    environment = {
        name: value.replace("/var/lib/nordlyd", str(tmp_path / "home"))
        for name, value in environment.items()
    }
    shutil.copytree(tiny_checkpoint, Path(environment["NORDLYD_STORE"]) / "tiny")
    environment["NORDLYD_MODELS"] = f"{environment['NORDLYD_STORE']}/tiny"
    return environment, container


def test_pod_serves_passes_its_probes_and_stops_in_time(
    pod: tuple[dict[str, str], dict], repository: Path
) -> None:
    environment, container = pod
    base = f"http://127.0.0.1:{environment['NORDLYD_PORT']}"
    check = [
        {"python": sys.executable}.get(word, word).replace(
            "/opt/nordlyd", str(repository / "deploy")
        )
        for word in container["livenessProbe"]["exec"]["command"]
    ]

    def passes(probe: str) -> bool:
        try:
            with open_url(base + container[probe]["httpGet"]["path"]) as answer:
                return bool(200 <= answer.status < 400)
        except OSError:
            return False

    command = [Path(sys.executable).parent / "nordlyd", "serve"]
    with subprocess.Popen(command, env=environment) as process:
        try:
            deadline = time.monotonic() + 100
            while not passes("startupProbe"):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert passes("readinessProbe")
            assert subprocess.run(check, env=environment, check=False).returncode == 0
            assert post_tone(f"{base}/transcribe")[0] == 401
            assert post_tone(f"{base}/transcribe", key="0123456789abcdef")[0] == 200
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
