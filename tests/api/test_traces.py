"""Traces of a service on a real uvicorn, sent to a real receiver of OTLP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest
from event_loops import on_event_loop
from in_process import InProcess
from on_loopback import serving
from openai import AsyncOpenAI
from otlp_receiver import ReceivedSpan, TraceReceiver, trace_receiver
from web_server import web_server
from websockets.asyncio.client import connect

from app import tracing

Clip = Callable[..., bytes]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=of-the-caller"}
# The device's times are computed back from a clock of their own.
TOLERANCE = 5_000_000

ATTRIBUTES = {
    "http.request.method", "http.response.status_code", "http.route", "url.path", "url.scheme",
    "network.protocol.version", "server.address", "server.port", "error.type", "nordlyd.model",
    "nordlyd.language", "nordlyd.audio.seconds", "nordlyd.job.id", "nordlyd.job.kind",
    "nordlyd.job.attempt", "nordlyd.group", "nordlyd.group.kept", "nordlyd.webhook.attempt",
    "nordlyd.webhook.state",
}  # fmt: skip


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[TraceReceiver]:
    """A receiver that the service of this process may send traces to, once they are started."""
    with trace_receiver() as running:
        for name, value in running.variables.items():
            monkeypatch.setenv(name, value)
        yield running
        tracing.stop()


@pytest.fixture
def traces(receiver: TraceReceiver) -> TraceReceiver:
    tracing.start()
    return receiver


@asynccontextmanager
async def served(
    **settings: object,
) -> AsyncIterator[tuple[InProcess, AsyncOpenAI, httpx.AsyncClient]]:
    """The service on loopback, OpenAI's client of it, and a plain one."""
    async with serving(**settings) as (running, client):
        base = f"http://127.0.0.1:{client.base_url.port}"
        async with httpx.AsyncClient(base_url=base, timeout=60) as http:
            yield running, client, http


def is_within(inner: ReceivedSpan, outer: ReceivedSpan) -> bool:
    return (
        outer.begun - TOLERANCE <= inner.begun <= inner.ended <= outer.ended + TOLERANCE
        and inner.trace_id == outer.trace_id
    )


@on_event_loop
async def test_request_has_a_span_with_one_for_each_stage_inside(
    traces: TraceReceiver, clip: Clip
) -> None:
    async with served() as (_, _, http):
        answer = await http.post("/transcribe", content=clip(0, 1.5), headers=CONTEXT)
        assert answer.status_code == 200
        request = await asyncio.to_thread(traces.one, "POST /transcribe")
    assert (request.kind, request.service, request.failed) == ("server", "nordlyd", False)
    assert (request.trace_id, request.parent) == (TRACE, PARENT)
    assert request.state == "vendor=of-the-caller"
    assert request.attributes["http.route"] == "/transcribe"
    assert request.attributes["http.request.method"] == "POST"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["nordlyd.model"] == "scripted"
    assert request.attributes["nordlyd.audio.seconds"] == 1.5
    transcribe = traces.one("transcribe")
    assert transcribe.parent == request.id
    assert is_within(transcribe, request)
    stages = traces.inside(transcribe)
    assert set(stages) == {"decode audio", "queue", "encode", "decode text"}
    assert all(is_within(stage, transcribe) for stage in stages.values())
    order = [stages[name] for name in ("decode audio", "queue", "encode", "decode text")]
    for before, after in pairwise(order):
        assert before.ended <= after.begun + TOLERANCE


@on_event_loop
async def test_requests_of_other_protocols_have_the_same_stages(
    traces: TraceReceiver, clip: Clip
) -> None:
    async with served() as (_, client, http):
        await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", clip()))
        assert (await http.post("/v1/listen", content=clip())).status_code == 200
        await asyncio.to_thread(traces.wait, "POST /v1/audio/transcriptions")
        await asyncio.to_thread(traces.wait, "POST /v1/listen")
    for name in ("POST /v1/audio/transcriptions", "POST /v1/listen"):
        [transcribe] = traces.inside(traces.one(name)).values()
        assert "encode" in traces.inside(transcribe)


@pytest.mark.long
@on_event_loop
async def test_failed_request_is_marked_and_a_refused_one_is_not(
    traces: TraceReceiver, clip: Clip
) -> None:
    async with served() as (running, _, http):
        assert (await http.post("/transcribe?language=xx", content=clip())).status_code == 404
        running.model.failure = ValueError("of the device")
        assert (await http.post("/transcribe", content=clip())).status_code == 500
        refused, failed = await asyncio.to_thread(traces.wait, "POST /transcribe", 2)
    assert (refused.failed, refused.attributes["http.response.status_code"]) == (False, 404)
    assert (failed.failed, failed.attributes["http.response.status_code"]) == (True, 500)
    assert failed.attributes["error.type"] == traces.one("transcribe").attributes["error.type"]
    assert b"of the device" not in b"".join(traces.bodies)


@pytest.mark.long
@on_event_loop
async def test_nothing_of_a_recording_or_its_sender_is_sent(
    traces: TraceReceiver, clip: Clip
) -> None:
    secrets = ("hemmelig.wav", "kvitebjorn", "sk-nokkel", "firefox-av-ola", "grunn")
    async with served(api_keys="sk-nokkel") as (_, _, http):
        key = {"authorization": "Bearer sk-nokkel", "user-agent": "firefox-av-ola"}
        files = {"file": ("hemmelig.wav", clip())}
        for path in ("/transcribe?hotwords=kvitebjorn", "/jobs"):
            answer = await http.post(path, files=files, headers=key)
            assert answer.status_code in (200, 202), answer.text
        await http.post("/align?text=kvitebjorn", files=files, headers=key)
        await http.post("/transcribe?grunn=kvitebjorn", files=files, headers=key)
        await http.get("/hemmelig.wav")
        await asyncio.to_thread(traces.wait, "write result")
        await asyncio.to_thread(traces.wait, "GET")
    sent = b"".join(traces.bodies)
    assert [secret for secret in secrets if secret.encode() in sent] == []
    assert {name for span in traces.spans for name in span.attributes} <= ATTRIBUTES


@pytest.mark.long
@on_event_loop
async def test_job_and_its_webhook_are_in_the_trace_of_the_request(
    traces: TraceReceiver, clip: Clip, tmp_path: Path
) -> None:
    with web_server() as web:
        rule = f"internal!http://127.0.0.1:{web.port}"
        async with served(url_hosts=rule, data=tmp_path / "data") as (_, _, http):
            answer = await http.post(
                "/jobs",
                content=clip(),
                params={"webhook_url": web.url("/ended")},
                headers=CONTEXT,
            )
            assert answer.status_code == 202, answer.text
            sent = await asyncio.to_thread(web.sent_to, "/ended")
            await asyncio.to_thread(traces.wait, "webhook")
            request = await asyncio.to_thread(traces.one, "POST /jobs")
        job, webhook = traces.one("job"), traces.one("webhook")
        assert request.parent == PARENT
        assert {job.parent, webhook.parent, traces.one("receive").parent} == {request.id}
        assert {span.trace_id for span in (job, webhook)} == {TRACE}
        assert job.state == "vendor=of-the-caller"
        assert job.kind == "consumer"
        assert job.attributes["nordlyd.job.id"] == answer.json()["id"]
        assert set(traces.inside(job)) == {"transcribe", "write result"}
        transcribe = traces.one("transcribe")
        assert set(traces.inside(transcribe)) == {"decode audio", "encode group", "decode text"}
        assert set(traces.inside(traces.one("encode group"))) == {"queue", "encode"}
        [post] = traces.inside(webhook).values()
        assert (post.name, post.kind) == ("POST", "client")
        assert post.attributes["http.response.status_code"] == 200
        assert sent.headers["traceparent"] == f"00-{TRACE}-{post.id}-01"
        assert sent.headers["tracestate"] == "vendor=of-the-caller"


@on_event_loop
async def test_recording_is_fetched_in_the_trace_of_the_request(
    traces: TraceReceiver, clip: Clip
) -> None:
    with web_server({"/speech.wav": clip()}) as web:
        rule = f"internal!http://127.0.0.1:{web.port}"
        async with served(url_hosts=rule) as (_, _, http):
            moved = web.url("/to?/speech.wav")
            answer = await http.post("/transcribe", params={"url": moved}, headers=CONTEXT)
            assert answer.status_code == 200, answer.text
            request = await asyncio.to_thread(traces.one, "POST /transcribe")
    first, second = traces.named("GET")
    assert {first.parent, second.parent} == {request.id}
    assert first.attributes["http.response.status_code"] == 302
    assert web.traceparents == [f"00-{TRACE}-{span.id}-01" for span in (first, second)]


@pytest.mark.long
@on_event_loop
async def test_live_session_is_one_span(traces: TraceReceiver) -> None:
    noise = (np.random.default_rng(0).standard_normal(32_000) * 3000).astype(np.int16)
    async with serving() as (_, client):
        url = f"ws://127.0.0.1:{client.base_url.port}/stream?encoding=s16le&rate=16000"
        async with connect(url, additional_headers=CONTEXT) as socket:
            await socket.send(noise.tobytes())
            await socket.send('{"type": "end"}')
            kinds = [json.loads(message)["type"] async for message in socket]
        assert kinds[-1] == "end"
        session = await asyncio.to_thread(traces.one, "GET /stream")
    assert (session.kind, session.parent, session.failed) == ("server", PARENT, False)
    assert session.attributes["http.response.status_code"] == 101
    assert traces.spans == [session]


@on_event_loop
async def test_probes_and_scrapes_have_no_spans(traces: TraceReceiver, clip: Clip) -> None:
    async with served() as (_, _, http):
        for path in ("/health", "/health/ready", "/metrics"):
            assert (await http.get(path)).status_code == 200
        assert (await http.post("/transcribe", content=clip())).status_code == 200
        await asyncio.to_thread(traces.wait, "POST /transcribe")
    assert {span.name for span in traces.spans if span.kind == "server"} == {"POST /transcribe"}


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_TRACES_SAMPLER": "always_off"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_nothing_is_sent_where_the_variables_turn_traces_off(
    receiver: TraceReceiver,
    monkeypatch: pytest.MonkeyPatch,
    clip: Clip,
    variables: dict[str, str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tracing.start()

    @on_event_loop
    async def transcribe() -> None:
        async with served() as (_, _, http):
            assert (
                await http.post("/transcribe", content=clip(), headers=CONTEXT)
            ).status_code == 200

    transcribe()
    tracing.stop()
    assert receiver.bodies == []


def test_standard_variables_name_the_service(
    receiver: TraceReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "speech-of-the-town")
    tracing.start()
    with tracing.root_span("any", "server", {}):
        pass
    tracing.stop()
    assert receiver.one("any").service == "speech-of-the-town"


def test_without_traces_every_span_is_the_same_one_and_sends_no_context() -> None:
    assert not tracing.is_on()
    with tracing.span("stage") as stage, tracing.root_span("any", "server", CONTEXT) as root:
        assert stage is root is tracing.OFF
        assert tracing.headers() == {}
        assert root.log_fields == {}


@pytest.mark.long
@on_event_loop
async def test_receiver_that_does_not_answer_costs_requests_nothing(
    traces: TraceReceiver, clip: Clip
) -> None:
    traces.hangs = True
    async with served() as (_, _, http):
        for _ in range(20):
            assert (await http.post("/transcribe", content=clip())).status_code == 200
    # Stopping does not wait for the receiver either.
    await asyncio.to_thread(tracing.stop)
    assert traces.bodies == []


@pytest.mark.long
@on_event_loop
async def test_what_runs_in_the_background_is_not_done_for_the_first_client(
    clip: Clip, tmp_path: Path
) -> None:
    with web_server() as web:
        rule = f"internal!http://127.0.0.1:{web.port}"
        async with served(url_hosts=rule, data=tmp_path / "data") as (_, _, http):
            url = {"webhook_url": web.url("/ended")}
            assert (await http.post("/jobs", content=clip(), params=url)).status_code == 202
            await asyncio.to_thread(web.sent_to, "/ended")
            file = tmp_path / "data" / "audit.jsonl"
            async with asyncio.timeout(20):
                while file.read_text().count("\n") < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
    submitted, delivered = map(json.loads, file.read_text().splitlines())
    assert (submitted["action"], submitted["client"]) == ("submitted", "127.0.0.1")
    assert delivered["action"] == "webhook_delivered"
    assert (delivered["client"], delivered["request"]) == (None, None)
