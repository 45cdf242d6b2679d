"""What the routes answer while the service loads, hangs, is full, drains or fails."""

import asyncio
import re
import threading

import httpx
import pytest
from in_process import InProcess, in_process, wait_for
from on_loopback import serving

from app.errors import CheckpointError


def error_of(answer: httpx.Response) -> dict[str, str]:
    assert list(answer.json()) == ["error"]
    error: dict[str, str] = answer.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    return error


async def not_ready(running: InProcess, clip, code: str) -> str:
    """Checks that readiness and work are refused while the process is alive; returns the reason."""
    ready = await running.client.get("/health/ready")
    work = await running.client.post("/transcribe", content=clip())
    assert ready.status_code == work.status_code == 503
    assert error_of(ready)["code"] == error_of(work)["code"] == code
    assert int(ready.headers["retry-after"]) >= 1
    assert (await running.client.get("/health/live")).status_code == 200
    health = (await running.client.get("/health")).json()
    assert health["state"] == code
    metrics = (await running.client.get("/metrics")).text
    assert "\nnordlyd_ready 0.0\n" in metrics
    return str(health["reason"])


def test_service_is_not_ready_before_its_models_are_loaded(clip) -> None:
    async def run() -> None:
        gate = threading.Event()
        async with in_process(load_gate=gate) as running:
            await running.until("loading")
            service = running.app.state.app_state.service
            await wait_for(lambda: "scripted" in service.readiness.reason)
            assert "scripted" in await not_ready(running, clip, "loading")
            gate.set()
            await running.until("ready")
            assert (await running.client.get("/health/ready")).status_code == 200
            answer = await running.client.post("/transcribe", content=clip())
            assert answer.json()["text"] == "a"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (CheckpointError("the head has 40 outputs, the vocabulary 36 tokens"), "40 outputs"),
        (MemoryError("no room"), "MemoryError: no room"),
    ],
)
def test_model_that_cannot_be_loaded_fails_the_start_with_one_line(
    clip, failure: Exception, message: str
) -> None:
    async def run() -> None:
        async with in_process(load_failure=failure) as running:
            await running.until("failed")
            assert message in await not_ready(running, clip, "failed")
            assert running.service.failure is not None
            assert "scripted" in running.service.failure.message
            assert "\n" not in running.service.failure.message

    asyncio.run(run())


def test_failed_warm_up_fails_the_start(clip) -> None:
    async def run() -> None:
        gate = threading.Event()
        async with in_process(load_gate=gate) as running:
            running.model.failure = RuntimeError("the device is gone")
            gate.set()
            await running.until("failed")
            assert "the device is gone" in await not_ready(running, clip, "failed")

    asyncio.run(run())


def test_hanging_device_makes_the_service_unready(clip) -> None:
    async def run() -> None:
        async with in_process(hang_seconds=0.2) as running:
            await running.until("ready")
            running.model.gate.clear()
            waiting = asyncio.create_task(running.client.post("/transcribe", content=clip()))
            await running.until("hung")
            assert await not_ready(running, clip, "hung")
            assert (await waiting).status_code == 503
            running.model.gate.set()
            await running.until("ready")
            assert (await running.client.post("/transcribe", content=clip())).status_code == 200
            assert "\nnordlyd_ready 1.0\n" in (await running.client.get("/metrics")).text

    asyncio.run(run())


def test_full_queue_is_429_with_the_seconds_until_it_has_room(clip) -> None:
    async def run() -> None:
        async with in_process(max_queue_seconds=2.0) as running:
            await running.until("ready")
            running.model.gate.clear()
            waiting = asyncio.create_task(running.client.post("/transcribe", content=clip()))
            await wait_for(lambda: running.service.engine.status().queue_audio_seconds > 0)
            refused = await running.client.post("/transcribe", content=clip())
            assert refused.status_code == 429
            assert error_of(refused)["code"] == "queue_full"
            assert error_of(refused)["type"] == "rate_limit_error"
            assert int(refused.headers["retry-after"]) >= 1
            running.model.gate.set()
            assert (await waiting).status_code == 200
            assert (await running.client.post("/transcribe", content=clip())).status_code == 200

    asyncio.run(run())


def test_drain_refuses_new_requests_and_cancels_those_that_take_too_long(clip) -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.gate.clear()
            waiting = asyncio.create_task(running.client.post("/transcribe", content=clip()))
            await wait_for(lambda: not running.service.idle)
            running.service.begin_drain()
            await not_ready(running, clip, "draining")
            assert not running.service.idle
            running.service.cut_off.set()
            cut = await waiting
            assert cut.status_code == 503
            assert error_of(cut)["code"] == "draining"
            assert running.service.idle

    asyncio.run(run())


def test_drain_refuses_new_work_and_finishes_running_work(clip) -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.gate.clear()
            waiting = asyncio.create_task(running.client.post("/transcribe", content=clip()))
            await wait_for(lambda: running.service.engine.status().queue_audio_seconds > 0)
            running.service.begin_drain()
            await not_ready(running, clip, "draining")
            running.model.gate.set()
            assert (await waiting).status_code == 200
            assert running.service.idle

    asyncio.run(run())


def test_models_that_are_loaded_after_a_drain_began_do_not_make_the_service_ready(clip) -> None:
    async def run() -> None:
        gate = threading.Event()
        async with in_process(load_gate=gate) as running:
            running.service.begin_drain()
            gate.set()
            await wait_for(lambda: len(running.service.transcriber.models) == 1)
            await not_ready(running, clip, "draining")

    asyncio.run(run())


def test_model_that_cannot_be_loaded_after_a_drain_began_is_a_failure(clip) -> None:
    async def run() -> None:
        gate = threading.Event()
        async with in_process(load_gate=gate, load_failure=MemoryError("no room")) as running:
            running.service.begin_drain()
            gate.set()
            await running.until("failed")
            running.service.begin_drain()
            assert "no room" in await not_ready(running, clip, "failed")

    asyncio.run(run())


def test_failing_model_is_500_with_the_reason_and_others_are_served(clip) -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.failure = ValueError("odd input")
            answer = await running.client.post("/transcribe", content=clip())
            assert answer.status_code == 500
            assert error_of(answer)["code"] == "encoding_failed"
            running.model.failure = None
            assert (await running.client.post("/transcribe", content=clip())).status_code == 200

    asyncio.run(run())


def test_unexpected_error_is_500_with_nothing_but_the_request_id() -> None:
    async def run() -> None:
        async with in_process() as running:

            @running.app.get("/broken")
            async def broken() -> None:
                raise RuntimeError("a secret path /srv/keys")

            answer = await running.client.get("/broken", headers={"x-request-id": "look-here"})
            assert answer.status_code == 500
            assert answer.headers["x-request-id"] == "look-here"
            error = error_of(answer)
            assert error["code"] == "internal_error"
            assert "look-here" in error["message"]
            assert "secret" not in answer.text
            metrics = (await running.client.get("/metrics")).text
            assert 'nordlyd_requests_total{route="/broken",status="500"} 1.0' in metrics
            assert 'nordlyd_failures_total{code="internal_error"} 1.0' in metrics

    asyncio.run(run())


def test_errors_of_the_framework_have_the_same_form() -> None:
    async def run() -> None:
        async with in_process(max_upload_mb=0.001) as running:

            @running.app.post("/typed")
            async def typed(number: int, body: dict[str, int]) -> int:
                return number + sum(body.values())

            wrong = await running.client.post("/typed?number=x", json={})
            assert wrong.status_code == 400
            assert error_of(wrong)["param"] == "number"
            # The framework reads this body itself, and wraps what reading raises.
            over = await running.client.post("/typed?number=1", json={"a" * 5_000: 1})
            assert over.status_code == 413
            assert error_of(over)["code"] == "too_large"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/transcribe", "audio/wav"),
        ("/align", "multipart/form-data; boundary=b"),
        ("/v1/listen", "audio/wav"),
        ("/v1/audio/transcriptions", "multipart/form-data; boundary=b"),
    ],
)
def test_request_that_would_wait_too_long_is_refused_before_its_body_is_sent(
    clip, path: str, kind: str
) -> None:
    async def run() -> None:
        # An answer may take three times as long as alone.
        async with serving(max_wait_seconds=1e-9) as (running, client):
            running.model.gate.clear()
            waiting = [
                asyncio.create_task(running.client.post("/transcribe", content=clip()))
                for _ in range(2)
            ]
            engine = running.service.engine
            await wait_for(lambda: engine.status().queue_audio_seconds > 0)
            await wait_for(lambda: engine.status().queued_windows + engine.status().running == 2)
            url = client.base_url
            reader, writer = await asyncio.open_connection(url.host, url.port)
            head = f"POST {path} HTTP/1.1\r\nhost: {url.host}\r\ncontent-type: {kind}"
            writer.write(f"{head}\r\ncontent-length: 100000\r\n\r\n".encode())
            try:
                async with asyncio.timeout(10):
                    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            finally:
                writer.close()
            assert answer.startswith("HTTP/1.1 429 ")
            assert re.search(r"\r\nretry-after: [1-9]\d*\r\n", answer)
            running.model.gate.set()
            assert [(await one).status_code for one in waiting] == [200, 200]

    asyncio.run(run())


def test_overload_refuses_before_routing_what_has_no_timeout_of_its_own(clip) -> None:
    async def run() -> None:
        async with serving(max_wait_seconds=1) as (running, _):
            post, sound = running.client.post, clip()
            await post("/transcribe", content=sound)
            running.model.gate.clear()
            waiting = [asyncio.create_task(post("/transcribe", content=sound)) for _ in range(300)]
            await wait_for(lambda: any(task.done() for task in waiting))
            refused = await post("/transcribe?no_such_option=1", content=sound)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
            kind = {"content-type": "audio/wav"}
            listen = await post("/v1/listen", content=sound, headers=kind)
            assert (listen.status_code, "err_code" in listen.json()) == (429, True)
            patient = {"x-request-timeout": "1000"}
            accepted = asyncio.create_task(post("/transcribe", content=sound, headers=patient))
            metrics = (await running.client.get("/metrics")).text
            assert 'nordlyd_requests_total{route="/v1/listen",status="429"} 1.0' in metrics
            running.model.gate.set()
            assert (await accepted).status_code == 200
            statuses = {answer.status_code for answer in await asyncio.gather(*waiting)}
            assert statuses == {200, 429}

    asyncio.run(run())
