"""/admin on a running server: models, log level, queue, profile, drain."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from demo_model import DEMO
from live import live_url, pieces, sample
from running import RunningServer
from websockets.sync.client import connect

from app.database import Database
from app.keys.store import KeyStore

pytestmark = pytest.mark.long

SPEECH = (DEMO / "samples" / "sample-1.flac").read_bytes()
SECONDS = 60.0


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with the bundled Bokmål model, whose only key has every scope."""
    folder = tmp_path_factory.mktemp("operated")
    with_key = KeyStore(Database(folder / "data"))
    _, text = with_key.create("operator", scopes=("transcribe", "jobs", "admin"))
    (folder / "key").write_text(text)
    server = RunningServer(folder, {"MODELS": "demo-nb", "LOG_FORMAT": "json"}).wait_ready()
    yield server
    assert server.stop() == 0


@pytest.fixture
def operator(operated: RunningServer) -> Iterator[httpx.Client]:
    with operated.client(headers=headers(operated)) as client:
        yield client
        # What a test leaves is what the next one finds.
        if "demo-nb" not in loaded(client):
            replace(client, "demo-nb", loaded(client)[0])
        wait_until_unloaded(client)


def headers(server: RunningServer) -> dict[str, str]:
    return {"authorization": f"Bearer {server.log.with_name('key').read_text()}"}


def models(client: httpx.Client, state: str) -> list[str]:
    listed = client.get("/admin/models").json()["models"]
    return [model["id"] for model in listed if model["state"] == state]


def loaded(client: httpx.Client) -> list[str]:
    return models(client, "loaded")


def replace(client: httpx.Client, model: str, former: str) -> None:
    answer = client.post("/admin/models", json={"model": model, "replace": former})
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "loaded"


def wait_until_unloaded(client: httpx.Client) -> None:
    until = time.monotonic() + SECONDS
    while models(client, "unloading"):
        assert time.monotonic() < until
        time.sleep(0.05)


def transcribe(client: httpx.Client, **query: str) -> httpx.Response:
    return client.post("/transcribe", content=SPEECH, params=query)


@contextmanager
def busy(server: RunningServer, clients: int = 4) -> Iterator[list[httpx.Response]]:
    """Has clients send one request after another; yields the answers."""
    answers: list[httpx.Response] = []
    over = threading.Event()

    def send() -> None:
        with server.client(headers=headers(server)) as client:
            while not over.is_set():
                answers.append(transcribe(client))

    threads = [threading.Thread(target=send) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join(SECONDS)


def test_models_of_the_catalogue_are_listed_with_their_state(operator: httpx.Client) -> None:
    assert loaded(operator) == ["demo-nb"]
    assert set(models(operator, "available")) >= {"demo-da", "demo-nn"}
    assert "roest-v3-wav2vec2-315m" in models(operator, "absent")


def test_added_model_serves_its_language_until_it_is_unloaded(operator: httpx.Client) -> None:
    assert transcribe(operator, language="da").status_code == 404
    assert operator.post("/admin/models", json={"model": "demo-da"}).status_code == 201
    assert transcribe(operator, language="da").json()["model"] == "demo-da"
    assert [model["id"] for model in operator.get("/health").json()["models"]] == [
        "demo-nb",
        "demo-da",
    ]
    answer = operator.delete("/admin/models/demo-da")
    assert (answer.status_code, answer.json()["state"]) == (202, "unloading")
    refused = transcribe(operator, language="da")
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "model_not_found"
    wait_until_unloaded(operator)


def test_no_request_is_dropped_while_a_model_is_replaced(
    operated: RunningServer, operator: httpx.Client
) -> None:
    with busy(operated) as answers:
        for model, former in (("demo-nn", "demo-nb"), ("demo-nn", "demo-nn")):
            replace(operator, model, former)
        wait_until_unloaded(operator)
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["model"] for answer in answers} == {"demo-nb", "demo-nn"}
    assert transcribe(operator).json()["model"] == "demo-nn"


def test_live_stream_ends_on_the_model_that_it_began_with(
    operated: RunningServer, operator: httpx.Client
) -> None:
    words = []
    audio = pieces(sample(1).tobytes())
    url = live_url(operated, partials="false")
    with connect(url, additional_headers=headers(operated)) as socket:
        assert json.loads(socket.recv(SECONDS))["model"] == "demo-nb"
        for piece in audio[: len(audio) // 2]:
            socket.send(piece)
        replace(operator, "demo-nn", "demo-nb")
        assert models(operator, "unloading") == ["demo-nb"]
        for piece in audio[len(audio) // 2 :]:
            socket.send(piece)
        socket.send('{"type": "end"}')
        for message in socket:
            event = json.loads(message)
            assert event["type"] != "error"
            words += [word["word"] for word in event.get("words", ())]
    assert words == transcribe_text(operator)
    wait_until_unloaded(operator)


def transcribe_text(client: httpx.Client) -> list[str]:
    """What the model that was replaced makes of the same recording."""
    replace(client, "demo-nb", "demo-nn")
    return str(transcribe(client).json()["text"]).split()


def test_models_loaded_and_unloaded_again_and_again_leave_no_memory_behind(
    operated: RunningServer, operator: httpx.Client
) -> None:
    process = psutil.Process(operated.process.pid)
    sizes = []
    for _ in range(8):
        assert operator.post("/admin/models", json={"model": "demo-da"}).status_code == 201
        assert transcribe(operator, model="demo-da").status_code == 200
        operator.delete("/admin/models/demo-da")
        wait_until_unloaded(operator)
        time.sleep(0.5)
        sizes.append(process.memory_info().rss / 2**20)
    # The least of three: memory is returned a moment after a model was unloaded.
    assert min(sizes[-3:]) - min(sizes[:3]) < 20, sizes


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "no-such-model"}, 404, "model_not_found"),
        ({"model": "/etc"}, 404, "model_not_found"),
        ({"model": "someone/something"}, 404, "model_not_found"),
        ({"model": "demo-nb"}, 409, "model_conflict"),
        ({"model": "demo-nn", "replace": "demo-da"}, 404, "model_not_found"),
        ({"model": "roest-v3-wav2vec2-315m"}, 422, "model_not_loadable"),
        ({}, 400, "invalid_request"),
        ({"model": "demo-nn", "size": 1}, 400, "invalid_request"),
    ],
)
def test_model_that_cannot_be_loaded_is_refused_with_the_reason(
    operator: httpx.Client, body: dict[str, object], status: int, code: str
) -> None:
    answer = operator.post("/admin/models", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert loaded(operator) == ["demo-nb"]


def test_only_model_is_not_unloaded(operator: httpx.Client) -> None:
    answer = operator.delete("/admin/models/demo-nb")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "model_conflict")
    assert operator.delete("/admin/models/demo-da").status_code == 404
    assert transcribe(operator).status_code == 200


def test_log_level_changes_what_is_logged(operated: RunningServer, operator: httpx.Client) -> None:
    assert operator.get("/admin/log-level").json() == {"level": "info"}
    assert operator.put("/admin/log-level", json={"level": "warning"}).status_code == 200
    operator.get("/v1/models", headers={"x-request-id": "not-logged"})
    assert operator.put("/admin/log-level", json={"level": "info"}).json() == {"level": "info"}
    operator.get("/v1/models", headers={"x-request-id": "logged"})
    line = operated.log_line("logged")
    assert line["status"] == 200
    assert line["key"] == headers(operated)["authorization"].split("_")[1]
    assert "not-logged" not in operated.log.read_text()
    assert operator.put("/admin/log-level", json={"level": "loud"}).status_code == 400


def test_queue_shows_whose_audio_waits(operated: RunningServer, operator: httpx.Client) -> None:
    from sounds import as_wav, tones

    def send() -> None:
        with operated.client(headers=headers(operated)) as client:
            client.post("/transcribe", content=as_wav(tones(0, 240.0)))

    thread = threading.Thread(target=send)
    thread.start()
    until = time.monotonic() + SECONDS
    while not (queue := operator.get("/admin/queue").json())["callers"]:
        assert time.monotonic() < until
        time.sleep(0.005)
    thread.join(SECONDS)
    key_id = headers(operated)["authorization"].split("_")[1]
    (caller,) = queue["callers"]
    assert caller["caller"] == f"key:{key_id}"
    assert caller["requests"] == 1
    assert 0 < caller["seconds"] <= queue["seconds"] + 0.001 <= queue["limit_seconds"]


@pytest.mark.parametrize(
    ("kind", "media_type", "part"),
    [
        ("speedscope", "application/json", b"speedscope.app"),
        ("flamegraph", "image/svg+xml", b"<svg"),
        ("raw", "text/plain; charset=utf-8", b"uvicorn"),
    ],
)
def test_profile_is_of_this_process(
    operated: RunningServer, operator: httpx.Client, kind: str, media_type: str, part: bytes
) -> None:
    with busy(operated):
        answer = operator.get("/admin/profile", params={"seconds": 1, "format": kind})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media_type
    assert part in answer.content
    assert operator.get("/admin/profile", params={"seconds": 0}).status_code == 400


def test_drain_refuses_new_work_and_the_process_stays(tmp_path: Path) -> None:
    _, text = KeyStore(Database(tmp_path / "data")).create("o", scopes=("admin", "transcribe"))
    (tmp_path / "key").write_text(text)
    server = RunningServer(tmp_path, {"MODELS": "demo-nb"}).wait_ready()
    with server.client(headers=headers(server)) as client:
        assert transcribe(client).status_code == 200
        answer = client.post("/admin/drain")
        assert (answer.status_code, answer.json()) == (202, {"state": "draining", "idle": True})
        refused = transcribe(client)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "draining"
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
        assert client.post("/admin/models", json={"model": "demo-nn"}).status_code == 503
    assert server.stop() == 0
