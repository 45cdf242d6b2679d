"""Retries of OpenAI's own client: a real uvicorn over a model that a test can block."""

import asyncio
import logging

import openai
import pytest
from in_process import wait_for
from on_loopback import serving
from sounds import as_wav, tones

CLIP = as_wav(tones(0, 1.5))


def waits(caplog: pytest.LogCaptureFixture) -> list[float]:
    """The waits in seconds that the client logged."""
    return [
        float(record.args[0])  # type: ignore[index,arg-type]
        for record in caplog.records
        if record.message.startswith("Retrying request")
    ]


@pytest.mark.long
def test_client_retries_a_full_queue_after_the_given_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "openai._base_client")

    async def run() -> None:
        async with serving(max_queue_seconds=2.0) as (running, client):
            create = client.audio.transcriptions.with_raw_response.create
            running.model.gate.clear()
            first = asyncio.create_task(create(file=CLIP, model="whisper-1"))
            await wait_for(lambda: running.service.engine.status().queue_audio_seconds > 0)
            with pytest.raises(openai.RateLimitError) as refused:
                await client.with_options(max_retries=0).audio.transcriptions.create(
                    file=CLIP, model="whisper-1"
                )
            error = refused.value
            assert (error.code, error.type) == ("rate_limit_exceeded", "rate_limit_error")
            assert error.body == {
                "message": error.body["message"],  # type: ignore[index]
                "type": "rate_limit_error",
                "param": None,
                "code": "rate_limit_exceeded",
            }
            headers = error.response.headers
            exact = int(headers["retry-after-ms"])
            assert exact <= int(headers["retry-after"]) * 1000
            second = asyncio.create_task(create(file=CLIP, model="whisper-1"))
            await wait_for(lambda: len(waits(caplog)) > 0)
            running.model.gate.set()
            assert (await first).parse().text == "A."
            answer = await second
            assert answer.parse().text == "A."
            assert answer.retries_taken >= 1
            assert waits(caplog)[0] == pytest.approx(exact / 1000, abs=0.5)

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True])
def test_client_does_not_retry_permanent_failures(
    caplog: pytest.LogCaptureFixture, stream: bool
) -> None:
    caplog.set_level(logging.INFO, "openai._base_client")

    async def run() -> None:
        async with serving() as (running, client):
            running.model.gate.clear()
            with pytest.raises(openai.APIStatusError) as late:
                await client.audio.transcriptions.create(
                    file=CLIP, model="whisper-1", stream=stream, extra_body={"timeout": 0.1}
                )
            assert (late.value.status_code, late.value.code) == (504, "deadline_exceeded")
            running.model.gate.set()
            running.model.failure = RuntimeError("out of order")
            with pytest.raises(openai.InternalServerError) as failed:
                await client.audio.transcriptions.create(
                    file=CLIP, model="whisper-1", stream=stream
                )
            assert failed.value.code == "encoding_failed"
            assert waits(caplog) == []

    asyncio.run(run())


def test_draining_service_sends_retry_after() -> None:
    async def run() -> None:
        async with serving() as (running, client):
            running.service.begin_drain()
            with pytest.raises(openai.InternalServerError) as refused:
                await client.with_options(max_retries=0).audio.transcriptions.create(
                    file=CLIP, model="whisper-1"
                )
            assert (refused.value.status_code, refused.value.code) == (503, "draining")
            assert int(refused.value.response.headers["retry-after-ms"]) > 0
            running.service.cut_off.set()

    asyncio.run(run())


def test_stream_cut_off_before_its_first_event_has_a_status() -> None:
    async def run() -> None:
        async with serving() as (running, client):
            running.model.gate.clear()
            request = asyncio.create_task(
                client.with_options(max_retries=0).audio.transcriptions.create(
                    file=CLIP, model="whisper-1", stream=True
                )
            )
            await wait_for(lambda: not running.service.idle)
            running.service.begin_drain()
            running.service.cut_off.set()
            with pytest.raises(openai.APIStatusError) as cut:
                await request
            assert cut.value.code == "draining"
            await wait_for(lambda: running.service.idle)

    asyncio.run(run())
