"""What operators rely on while a real server runs: health, metrics, fairness, disconnects."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from running import RunningServer, wait_until_idle, wait_until_queued

from app.acoustic.choice import families
from app.decoding import available_backends


def samples(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of /metrics, by name and sorted labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def test_health_reports_models_devices_and_queue(
    client: httpx.Client, checkpoints: dict[str, Path]
) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    health = client.get("/health").json()
    assert (health["state"], health["reason"]) == ("ready", None)
    assert [model["id"] for model in health["models"]] == list(checkpoints)
    first = health["models"][0]
    assert first["languages"] == ["nb"]
    assert (first["device"], first["dtype"]) == ("cpu", "float32")
    # AMX does not multiply float32.
    assert first["kernels"] == next(family for family in families() if family != "amx")
    assert first["decoder"] == available_backends()[0]
    assert first["parameters"] > 10_000
    assert health["queue"] == {"seconds": 0.0, "limit_seconds": 14_400.0}


@pytest.mark.parametrize("given", ["abc-123", "trace:1/2@x=y+z.w_v", "x" * 128])
def test_valid_request_id_is_kept(client: httpx.Client, given: str) -> None:
    answer = client.get("/nope", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b', "<script>"])
def test_invalid_request_id_is_replaced(client: httpx.Client, given: str) -> None:
    answer = client.get("/nope", headers={"x-request-id": given})
    assert len(answer.headers["x-request-id"]) == 32


def test_each_request_is_logged_as_a_json_line_with_its_id(
    server: RunningServer, client: httpx.Client, clip
) -> None:
    client.post("/transcribe", content=clip(), headers={"x-request-id": "find-me"})
    line = server.log_line("find-me")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/transcribe", 200)
    assert line["seconds"] > 0


def test_metrics_count_requests_failures_audio_and_stages(client: httpx.Client, clip) -> None:
    before = samples(client)
    client.post("/transcribe?language=da", content=clip(seconds=2.0))
    client.post("/transcribe", content=b"no audio at all")
    client.get("/nope")
    after = samples(client)

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0.0)

    assert grown("nordlyd_requests_total", route="/transcribe", status="200") == 1
    assert grown("nordlyd_requests_total", route="/transcribe", status="415") == 1
    assert grown("nordlyd_requests_total", route="unmatched", status="404") == 1
    assert grown("nordlyd_request_seconds_count", route="/transcribe") == 2
    assert grown("nordlyd_failures_total", code="unsupported_audio") == 1
    assert grown("nordlyd_audio_seconds_total", model="tiny-da") == pytest.approx(2.0)
    for stage in ("queue", "decode_audio", "encode", "decode_text"):
        assert grown("nordlyd_stage_seconds_count", stage=stage) == 1
    assert grown("nordlyd_stage_seconds_sum", stage="encode") > 0
    assert grown("nordlyd_real_time_factor_count", model="tiny-da") == 1
    assert grown("nordlyd_batch_items_count", model="tiny-da") >= 1
    assert grown("nordlyd_batch_padded_seconds_sum", model="tiny-da") == pytest.approx(2.0, abs=0.1)
    assert grown("nordlyd_batch_padding_share_count", model="tiny-da") >= 1
    kernels = client.get("/health").json()["models"][0]["kernels"]
    model = {"model": "tiny-da", "device": "cpu", "dtype": "float32", "kernels": kernels}
    assert after[("nordlyd_model_info", tuple(sorted(model.items())))] == 1
    assert after[("nordlyd_ready", ())] == 1
    assert after[("nordlyd_queue_audio_seconds", ())] == 0


def test_concurrent_requests_get_the_texts_of_single_requests(client: httpx.Client, clip) -> None:
    clips = [clip(seed, 0.8 + 0.3 * (seed % 5)) for seed in range(24)]
    alone = [client.post("/transcribe", content=wav).json()["text"] for wav in clips]
    assert len(set(alone)) == len(alone)
    with ThreadPoolExecutor(12) as pool:
        together = list(
            pool.map(lambda wav: client.post("/transcribe", content=wav).json()["text"], clips)
        )
    assert together == alone


def test_health_and_short_requests_are_answered_while_a_long_one_runs(
    client: httpx.Client, clip
) -> None:
    long_answer: list[httpx.Response] = []
    long_wav = clip(1, 400.0)
    sender = threading.Thread(
        target=lambda: long_answer.append(client.post("/transcribe", content=long_wav))
    )
    sender.start()
    wait_until_queued(client)
    assert client.get("/health/ready").status_code == 200
    assert client.post("/transcribe", content=clip()).status_code == 200
    assert client.get("/health/live").status_code == 200
    still_running = not long_answer
    sender.join()
    assert still_running
    body = long_answer[0].json()
    assert body["duration"] == 400.0
    assert body["words"][-1]["end"] <= 400.0


def test_disconnect_removes_the_request_from_the_queue(
    server: RunningServer, client: httpx.Client, clip
) -> None:
    wav = clip(2, 600.0)
    url = httpx.URL(server.address)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(
            b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: hung-up\r\n"
            b"Content-Length: %d\r\n\r\n" % len(wav)
        )
        connection.sendall(wav)
        wait_until_queued(client)
    wait_until_idle(client)
    line = server.log_line("hung-up")
    assert (line["status"], line["code"]) == (499, "client_disconnected")
    # It was cancelled: finished, the whole of it would have been counted.
    assert line["seconds"] < 60
    assert client.post("/transcribe", content=clip()).status_code == 200


def test_disconnect_during_upload_does_not_affect_the_next_request(
    server: RunningServer, client: httpx.Client, clip
) -> None:
    url = httpx.URL(server.address)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(
            b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: half-way\r\n"
            b"Content-Length: 1000000\r\n\r\n" + clip()
        )
    assert client.post("/transcribe", content=clip()).status_code == 200


def test_openapi_page_documents_body_parameters_and_errors(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/transcribe"]["post"]
    assert set(operation["requestBody"]["content"]) >= {"multipart/form-data", "audio/*"}
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"model", "language", "decoder", "words"} <= names
    assert {"200", "400", "401", "404", "413", "415", "422", "429", "503", "504"} <= set(
        operation["responses"]
    )
    schemas = document["components"]["schemas"]
    example = schemas["TranscriptionBody"]["examples"][0]
    assert set(example) == set(schemas["TranscriptionBody"]["properties"])
    assert schemas["ErrorBody"]["examples"][0]["error"]["code"]
