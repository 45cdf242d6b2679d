"""Quotas of keys on every route, in the form of each route's errors."""

import asyncio
import re

import httpx
import openai
import pytest
from in_process import in_process, wait_for
from on_loopback import serving
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

AUTHORIZED = {"authorization": "Bearer key-1"}


def test_requests_above_the_rate_of_a_key_are_refused_on_every_route(clip) -> None:
    async def run() -> None:
        quotas = {"*": {"requests_per_minute": 2}}
        async with in_process(api_keys=["key-1", "key-2"], quotas=quotas) as running:
            await running.until("ready")

            async def post(path: str, **headers: str) -> httpx.Response:
                return await running.client.post(path, content=clip(), headers=AUTHORIZED | headers)

            first = await post("/transcribe")
            assert first.status_code == 200
            assert first.headers["ratelimit-policy"] == '"requests";q=2;w=60'
            assert re.fullmatch(r'"requests";r=1;t=[1-6]\d', first.headers["ratelimit"])
            assert first.headers["ratelimit-limit"] == "2"
            assert first.headers["ratelimit-remaining"] == "1"
            # A request that fails counts too.
            failed = await running.client.post("/transcribe", content=b"no", headers=AUTHORIZED)
            assert failed.status_code == 415
            assert failed.headers["ratelimit-remaining"] == "0"

            native = await post("/transcribe")
            assert native.status_code == 429
            assert native.json()["error"]["code"] == "quota_exceeded"
            assert 0 < int(native.headers["retry-after"]) <= 60
            assert native.headers["ratelimit-remaining"] == "0"
            deepgram = await post("/v1/listen")
            assert deepgram.status_code == 429
            assert deepgram.json()["err_code"] == "TOO_MANY_REQUESTS"
            jobs = await post("/jobs")
            assert jobs.json()["error"]["code"] == "quota_exceeded"
            assemblyai = await post("/v2/upload")
            assert assemblyai.status_code == 429
            assert isinstance(assemblyai.json()["error"], str)

            other = await post("/transcribe", authorization="Bearer key-2")
            assert other.status_code == 200
            # What brings no work is not limited.
            models = await running.client.get("/v1/models", headers=AUTHORIZED)
            assert models.status_code == 200
            assert "ratelimit" not in models.headers

    asyncio.run(run())


def test_clients_of_openai_and_web_sockets_are_refused_in_their_form(clip) -> None:
    async def run() -> None:
        async with serving(quotas={"*": {"requests_per_minute": 1}}) as (_, client):
            await client.audio.transcriptions.create(file=("speech.wav", clip()), model="whisper-1")
            with pytest.raises(openai.RateLimitError) as refused:
                await client.with_options(max_retries=0).audio.transcriptions.create(
                    file=("speech.wav", clip()), model="whisper-1"
                )
            assert refused.value.code == "rate_limit_exceeded"
            assert "1 requests a minute" in refused.value.message
            url = client.base_url
            with pytest.raises(InvalidStatus) as closed:
                await connect(f"ws://{url.host}:{url.port}/stream")
            assert closed.value.response.status_code == 429

    asyncio.run(run())


def test_requests_at_once_are_counted_until_they_are_answered(clip) -> None:
    async def run() -> None:
        async with in_process(quotas={"*": {"concurrent_requests": 1}}) as running:
            await running.until("ready")
            running.model.gate.clear()
            first = asyncio.create_task(running.client.post("/transcribe", content=clip()))
            await wait_for(lambda: running.service.engine.status().queue_audio_seconds > 0)
            refused = await running.client.post("/transcribe", content=clip())
            assert refused.status_code == 429
            assert "1 requests running at once" in refused.json()["error"]["message"]
            running.model.gate.set()
            assert (await first).status_code == 200
            assert (await running.client.post("/transcribe", content=clip())).status_code == 200

    asyncio.run(run())


def test_audio_that_was_transcribed_counts_towards_the_day_of_its_key(clip) -> None:
    async def run() -> None:
        quotas = {"*": {"audio_minutes_per_day": 0.1}}
        async with in_process(api_keys=["key-1", "key-2"], quotas=quotas) as running:
            await running.until("ready")

            async def post(key: str) -> httpx.Response:
                return await running.client.post(
                    "/transcribe",
                    content=clip(0, 4.0),
                    headers={"authorization": f"Bearer {key}"},
                )

            first = await post("key-1")
            assert first.headers["ratelimit-policy"] == '"audio";q=6;w=86400;qu="audio-seconds"'
            assert first.headers["ratelimit-remaining"] == "2"
            assert (await post("key-1")).status_code == 200
            refused = await post("key-1")
            assert refused.status_code == 429
            assert "6 s of audio transcribed a day" in refused.json()["error"]["message"]
            assert (await post("key-2")).status_code == 200

    asyncio.run(run())
