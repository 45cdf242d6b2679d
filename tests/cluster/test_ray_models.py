"""Devices by their names, and models that are loaded by their first request."""

from collections.abc import Iterator

import httpx
import pytest
from cluster_server import ClusterServer
from demo_model import DEMO, sample_texts

SPEECH = (DEMO / "samples" / "sample-1.flac").read_bytes()
DANISH = (DEMO.parent / "demo-da" / "samples" / "sample-1.flac").read_bytes()

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    """Two models, of which one may be loaded, on two devices."""
    settings = {
        "MODELS": "demo-nb,demo-da",
        "RAY_LOADED_MODELS": "1",
        "THREADS": "1",
        "MAX_WAIT_SECONDS": "240",
        "LOG_FORMAT": "json",
    }
    running = ClusterServer(tmp_path_factory.mktemp("cold"), settings, ("--devices", "cpu,cpu"))
    try:
        running.wait_ready(240)
        yield running
    finally:
        status = running.stop()
    assert status == 0


def loaded(client: httpx.Client) -> list[str]:
    return [model["id"] for model in client.get("/health").json()["models"]]


def test_each_device_has_a_replica_and_a_cold_model_replaces_the_idle_one(
    cold: ClusterServer,
) -> None:
    with httpx.Client(base_url=cold.address, timeout=280) as client:
        assert loaded(client) == ["demo-nb"]
        assert len(cold.replicas()) == 2
        danish = client.post("/transcribe", content=DANISH, params={"language": "da"})
        assert danish.status_code == 200, danish.text
        assert danish.json()["model"] == "demo-da"
        assert loaded(client) == ["demo-da"]
        again = client.post("/transcribe", content=SPEECH, params={"language": "nb"})
        assert again.json()["text"] == sample_texts()[0]
        assert loaded(client) == ["demo-nb"]
        other = client.post("/transcribe", content=SPEECH, params={"model": "demo-nn"})
        assert other.status_code == 404


def test_language_is_detected_by_models_that_take_turns(cold: ClusterServer) -> None:
    with httpx.Client(base_url=cold.address, timeout=280) as client:
        answer = client.post("/transcribe", content=DANISH, params={"language": "auto"})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["language"], body["model"]) == ("da", "demo-da")
        assert body["language_probability"] > 0.5
        assert {item["model"] for item in body["languages"]} == {"demo-nb", "demo-da"}
