"""The Prometheus files, read by promtool and by a Prometheus that scrapes a live service.

Needs Debian's `prometheus`, so it is marked `image` and run by `make test-image`.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
import yaml
from service_client import open_url, post_tone

from bench.live import speak

pytestmark = pytest.mark.image


@pytest.fixture(scope="module")
def folder(repository: Path) -> Path:
    return repository / "deploy" / "prometheus"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules_test.yml"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool_passes(folder: Path, arguments: list[str]) -> None:
    subprocess.run(["promtool", *arguments], cwd=folder, check=True)


def test_live_service_fills_the_rules_and_every_panel(
    repository: Path, folder: Path, tmp_path: Path, new_port: Callable[[], int]
) -> None:
    model = repository / "models" / "demo-nb"
    speech, _ = soundfile.read(model / "samples" / "sample-1.flac", dtype="float32")
    dashboard = json.loads((repository / "deploy/grafana/dashboards/nordlyd.json").read_text())
    panels = {
        (panel["title"], target["refId"]): as_grafana_sends_it(target["expr"])
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    }
    with (
        service(model, new_port(), tmp_path / "service") as address,
        prometheus(folder, tmp_path, address, new_port()) as query_api,
    ):

        def has_data(query: str) -> bool:
            samples = query_api("query", query=query)["result"]
            return any(sample["value"][1] != "NaN" for sample in samples)

        deadline = time.monotonic() + 120
        empty = set(panels)
        while empty and time.monotonic() < deadline:
            assert post_tone(f"http://{address}/transcribe")[0] == 200
            assert post_tone(f"http://{address}/transcribe?language=xx")[0] == 404
            assert post_tone(f"http://{address}/jobs")[0] == 202
            asyncio.run(speak(int(address.rpartition(":")[2]), speech, chunk_seconds=0.05))
            empty = {name for name, query in panels.items() if not has_data(query)}
        assert empty == set()
        [up] = query_api("query", query='up{job="nordlyd"}')["result"]
        assert up["value"][1] == "1"
        [group] = query_api("rules")["groups"]
        assert {rule["health"] for rule in group["rules"]} == {"ok"}


def as_grafana_sends_it(expression: str) -> str:
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


@contextmanager
def service(checkpoint: Path, port: int, data: Path) -> Iterator[str]:
    """A running service with one model; yields its address once it is ready."""
    environment = os.environ | {
        "NORDLYD_MODELS": str(checkpoint),
        "NORDLYD_PORT": str(port),
        "NORDLYD_DATA": str(data),
        "OMP_NUM_THREADS": "1",
    }
    command = [Path(sys.executable).parent / "nordlyd", "serve"]
    with started(command, environment, f"http://127.0.0.1:{port}/health/ready"):
        yield f"127.0.0.1:{port}"


@contextmanager
def prometheus(
    folder: Path, scratch: Path, target: str, port: int
) -> Iterator[Callable[..., dict[str, Any]]]:
    """A Prometheus with our configuration, but for the target and shorter intervals."""
    config = yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(folder / name) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    (scratch / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    base = f"http://127.0.0.1:{port}"

    def query_api(path: str, **parameters: str) -> dict[str, Any]:
        with open_url(f"{base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}") as answer:
            body = json.load(answer)
        assert body["status"] == "success"
        return body["data"]

    command = [
        "prometheus",
        f"--config.file={scratch / 'prometheus.yml'}",
        f"--storage.tsdb.path={scratch / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with started(command, dict(os.environ), f"{base}/-/ready"):
        yield query_api


@contextmanager
def started(command: list[Any], environment: dict[str, str], ready: str) -> Iterator[None]:
    """Runs a command until the block ends, which is entered when `ready` answers 200."""
    with subprocess.Popen(command, env=environment) as process:
        try:
            deadline = time.monotonic() + 60
            while not answers(ready):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        with open_url(url):
            return True
    except OSError:
        return False
