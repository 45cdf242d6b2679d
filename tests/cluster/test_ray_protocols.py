"""Every kind of connection to `nordlyd serve --ray`, with the clients that people use."""

import asyncio
import time

import pytest
from cluster_server import ClusterServer
from deepgram_client import best, client_of, listen
from demo_model import DEMO, sample_texts
from live import converse, live_url, recording, sample
from openai import OpenAI

SPEECH = DEMO / "samples" / "sample-1.flac"

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning"),
]


def test_line_of_the_greeting_transcribes(cluster: ClusterServer) -> None:
    with cluster.client() as client:
        with SPEECH.open("rb") as file:
            answer = client.post("/transcribe", files={"file": file}, data={"language": "nb"})
        assert answer.json()["text"] == sample_texts()[0]
        assert answer.json()["timing"]["encode"] > 0


def test_openai_client_gets_the_text_at_once_and_in_events(cluster: ClusterServer) -> None:
    with OpenAI(base_url=f"{cluster.address}/v1", api_key="any", max_retries=0) as client:
        whole = client.audio.transcriptions.create(file=SPEECH, model="whisper-1")
        events = list(
            client.audio.transcriptions.create(file=SPEECH, model="whisper-1", stream=True)
        )
    assert whole.text.lower().rstrip(".") == sample_texts()[0]
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert "".join(deltas) == events[-1].text == whole.text


def test_deepgram_client_gets_the_words(cluster: ClusterServer) -> None:
    with client_of(cluster) as client:
        answer = listen(client, SPEECH.read_bytes(), model="nova-3", language="no")
    assert best(answer).transcript == sample_texts()[0]


def test_errors_of_a_replica_have_their_status_and_form(cluster: ClusterServer) -> None:
    with cluster.client() as client:
        late = client.post(
            "/transcribe", content=SPEECH.read_bytes(), headers={"x-request-timeout": "0.01"}
        )
        unknown = client.post(
            "/transcribe", content=SPEECH.read_bytes(), params={"lm": "no-such-model"}
        )
    assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "lm")


def test_job_is_transcribed_in_the_background(cluster: ClusterServer) -> None:
    with cluster.client() as client:
        job = client.post("/jobs", content=SPEECH.read_bytes()).json()["id"]
        until = time.monotonic() + 60
        while client.get(f"/jobs/{job}").json()["status"] != "completed":
            assert time.monotonic() < until
            time.sleep(0.2)
        result = client.get(f"/jobs/{job}/result").json()
    assert result["text"] == sample_texts()[0]


def test_live_stream_has_the_text_of_the_file(cluster: ClusterServer) -> None:
    url = live_url(cluster, encoding="s16le", rate=16000)
    log = asyncio.run(converse(url, recording(sample(1))))
    assert log.text == sample_texts()[0]
    assert (log.kinds[-1], log.closed) == ("end", 1000)


def test_metrics_and_health_are_of_all_replicas(cluster: ClusterServer) -> None:
    with cluster.client() as client:
        before = -1.0
        # What earlier tests did is reported within a second, on an idle machine.
        while before != (before := encoded_windows(client.get("/metrics").text)):
            time.sleep(4)
        for _ in range(6):
            client.post("/transcribe", content=SPEECH.read_bytes()).raise_for_status()
        until = time.monotonic() + 20
        while (after := encoded_windows(client.get("/metrics").text)) < before + 6:
            assert time.monotonic() < until
            time.sleep(0.2)
        health = client.get("/health").json()
    assert after == before + 6
    assert health["state"] == "ready"
    assert [model["id"] for model in health["models"]] == ["demo-nb"]


def encoded_windows(metrics: str) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if line.startswith("nordlyd_batch_items_sum")
    )
