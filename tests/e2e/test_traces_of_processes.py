"""Traces of processes: what they log about them, restarts, and a receiver that is dead."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from jobs_process import JobsProcess
from otlp_receiver import TraceReceiver, trace_receiver
from running import RunningServer
from troubles import troubles

Clip = Callable[..., bytes]

pytestmark = pytest.mark.long

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CONTEXT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
# As if the packages of the extra were not installed.
WITHOUT_EXTRA = "import sys\nsys.modules['opentelemetry.sdk'] = None\n"


@pytest.fixture
def receiver() -> Iterator[TraceReceiver]:
    with trace_receiver() as running:
        yield running


@pytest.fixture
def serve(
    tiny_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Mapping[str, str]], RunningServer]]:
    """Starts a server with these variables; each start continues with the same data."""
    started: list[RunningServer] = []

    def start(variables: Mapping[str, str]) -> RunningServer:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        server = RunningServer(tmp_path, tiny_settings)
        started.append(server)
        return server.wait_ready()

    yield start
    for server in started:
        server.process.kill()
        server.process.wait()


def transcribe(client: httpx.Client, audio: bytes, request_id: str) -> None:
    headers = CONTEXT | {"x-request-id": request_id}
    assert client.post("/transcribe", content=audio, headers=headers).status_code == 200


def test_log_line_of_a_request_has_the_id_of_its_trace(
    receiver: TraceReceiver, serve: Callable[..., RunningServer], clip: Clip
) -> None:
    server = serve(receiver.variables)
    with server.client() as client:
        transcribe(client, clip(), "traced")
        assert server.log_line("traced")["trace_id"] == TRACE
        job = client.post("/jobs", content=clip(), headers=CONTEXT).json()["id"]
        assert client.get(f"/jobs/{job}?wait=60").json()["status"] == "completed"
    receiver.wait("job")
    # Spans that are not sent yet are sent while it stops.
    assert server.stop() == 0
    assert {span.name for span in receiver.spans if span.kind == "server"} == {
        "POST /transcribe", "POST /jobs", "GET /jobs/{job_id}",
    }  # fmt: skip
    lines = map(json.loads, server.log.read_text().splitlines())
    [completed] = [line for line in lines if line["event"] == "job completed"]
    assert completed["trace_id"] == TRACE
    assert troubles(server.log) == []


def test_endpoint_without_the_extra_is_one_warning_and_nothing_else(
    receiver: TraceReceiver,
    serve: Callable[..., RunningServer],
    clip: Clip,
    tmp_path: Path,
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "sitecustomize.py").write_text(WITHOUT_EXTRA)
    server = serve(receiver.variables | {"PYTHONPATH": str(tmp_path / "lib")})
    with server.client() as client:
        transcribe(client, clip(), "untraced")
        assert "trace_id" not in server.log_line("untraced")
    assert server.stop() == 0
    lines = map(json.loads, server.log.read_text().splitlines())
    [warning] = [line for line in lines if line["logger"] == "nordlyd.traces"]
    assert warning["level"] == "warning"
    assert warning["run"] == "pip install 'nordlyd[otel]'"
    assert receiver.bodies == []
    assert troubles(server.log) == []


def test_server_stops_cleanly_while_the_receiver_does_not_answer(
    receiver: TraceReceiver, serve: Callable[..., RunningServer], clip: Clip
) -> None:
    receiver.hangs = True
    server = serve(receiver.variables)
    with server.client() as client:
        for number in range(5):
            transcribe(client, clip(number), f"request-{number}")
    assert server.stop() == 0
    assert receiver.bodies == []
    assert troubles(server.log) == []


def test_job_that_a_restart_continues_stays_in_the_trace_of_its_request(
    receiver: TraceReceiver, tmp_path: Path, clip: Clip
) -> None:
    settings: dict[str, object] = {
        "data": str(tmp_path / "data"),
        "variables": receiver.variables,
    }
    # Its first batch would take longer than the test.
    first = JobsProcess(settings | {"pace": 600.0}, tmp_path / "log")
    with first.client() as client:
        job = client.post("/jobs", content=clip(), headers=CONTEXT).json()["id"]
        receiver.wait("POST /jobs")
        while client.get(f"/jobs/{job}").json()["status"] == "queued":
            time.sleep(0.05)
    first.kill()
    assert receiver.named("job") == []
    second = JobsProcess(settings, tmp_path / "log")
    try:
        with second.client() as client:
            assert client.get(f"/jobs/{job}?wait=60").json()["status"] == "completed"
        [span] = receiver.wait("job")
    finally:
        second.kill()
    request = receiver.one("POST /jobs")
    assert (span.trace_id, span.parent) == (TRACE, request.id)
    assert span.attributes["nordlyd.job.id"] == job
    assert span.attributes["nordlyd.job.attempt"] == 2
