"""Requests that wait for a job, and what is sent once one has ended, over a real uvicorn."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from in_process import InProcess
from on_loopback import serving

from app.api import sse
from app.api.assemblyai import webhook_message
from app.api.deepgram.callback import callback_message
from app.api.state import AppState
from app.contract.jobs import Job
from app.fetching import Fetcher, FetchLimits, parse_rule

pytestmark = pytest.mark.long

Clip = Callable[..., bytes]


@asynccontextmanager
async def started(**settings: object) -> AsyncIterator[tuple[InProcess, httpx.AsyncClient]]:
    async with serving(**settings) as (running, openai):
        address = str(openai.base_url).removesuffix("/v1/")
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            yield running, client


def state_of(running: InProcess) -> AppState:
    state: AppState = running.app.state.app_state
    return state


async def hand_in(client: httpx.AsyncClient, audio: bytes, **fields: str) -> dict[str, Any]:
    answer = await client.post("/jobs", content=audio, params=fields)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def processing(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    """Waits until work on a job has begun."""
    async with asyncio.timeout(20):
        while (await client.get(f"/jobs/{job['id']}")).json()["status"] != "processing":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def fewer_tasks(number: int) -> None:
    """Waits until no more than so many tasks run."""
    async with asyncio.timeout(20):
        while len(asyncio.all_tasks()) > number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.long
def test_wait_ends_with_the_job_and_a_result_before_is_a_conflict(clip: Clip) -> None:
    async def run() -> None:
        async with started() as (running, client):
            running.model.gate.clear()
            job = await hand_in(client, clip())
            await processing(client, job)
            early = await client.get(f"/jobs/{job['id']}/result")
            assert early.status_code == 409
            assert early.json()["error"]["code"] == "job_not_completed"
            short = await client.get(f"/jobs/{job['id']}", params={"wait": 0.2})
            assert short.json()["status"] == "processing"
            waiting = asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 60}))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            running.model.gate.set()
            assert (await waiting).json()["status"] == "completed"
            assert (await client.get(f"/jobs/{job['id']}/result")).json()["text"] == "a"

    asyncio.run(run())


def test_waiting_requests_end_when_the_service_drains(clip: Clip) -> None:
    async def run() -> None:
        async with started() as (running, client):
            running.model.gate.clear()
            job = await hand_in(client, clip())
            await processing(client, job)
            waiting = asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 60}))
            following = asyncio.create_task(client.get(f"/jobs/{job['id']}/events"))
            await asyncio.sleep(0.2)
            running.service.begin_drain()
            async with asyncio.timeout(10):
                assert (await waiting).json()["status"] == "processing"
                events = (await following).text
            assert '"status":"processing"' in events
            assert '"status":"completed"' not in events
            assert running.service.idle
            again = await client.get(f"/jobs/{job['id']}", params={"wait": 60})
            assert again.json()["status"] == "processing"
            refused = await client.post("/jobs", content=clip())
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")

    asyncio.run(run())


@pytest.mark.long
def test_silent_stream_of_events_is_kept_alive_and_ends_with_its_client(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE_SECONDS", 0.05)

    async def run() -> None:
        async with started() as (running, client):
            running.model.gate.clear()
            job = await hand_in(client, clip())
            await processing(client, job)
            before = len(asyncio.all_tasks())
            async with client.stream("GET", f"/jobs/{job['id']}/events") as answer:
                text = ""
                async for part in answer.aiter_text():
                    text += part
                    if text.endswith(sse.KEEP_ALIVE):
                        break
            assert "event: status" in text
            await fewer_tasks(before)

    asyncio.run(run())


@pytest.mark.long
def test_request_whose_client_is_gone_waits_no_longer(clip: Clip) -> None:
    async def run() -> None:
        async with started() as (running, client):
            running.model.gate.clear()
            job = await hand_in(client, clip())
            await processing(client, job)
            before = len(asyncio.all_tasks())
            waiting = asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 60}))
            await asyncio.sleep(0.2)
            assert len(asyncio.all_tasks()) > before
            waiting.cancel()
            await fewer_tasks(before)

    asyncio.run(run())


def allowing(running: InProcess) -> None:
    """Lets the service use the URLs of one host."""
    fetcher = Fetcher([parse_rule("hook.example.org")], FetchLimits(2**20, 10))
    object.__setattr__(state_of(running), "fetcher", fetcher)


async def only_job(client: httpx.AsyncClient) -> Job:
    (listed,) = (await client.get("/jobs")).json()["jobs"]
    ended = await client.get(f"/jobs/{listed['id']}", params={"wait": 60})
    return Job.model_validate(ended.json())


def test_callback_sends_the_answer_in_the_form_of_deepgram(clip: Clip) -> None:
    async def run() -> None:
        async with started() as (running, client):
            allowing(running)
            query = {
                "callback": "https://hook.example.org/done", "callback_method": "put",
                "punctuate": "true", "utterances": "true",
            }  # fmt: skip
            accepted = await client.post("/v1/listen", params=query, content=clip())
            assert accepted.status_code == 200, accepted.text
            request_id = accepted.json()["request_id"]
            assert accepted.headers["dg-request-id"] == request_id
            job = await only_job(client)
            assert accepted.headers["location"] == f"/jobs/{job.id}"
            message = await callback_message(state_of(running), "", job)
            assert message.method == "PUT"
            assert message.headers["dg-request-id"] == request_id
            body = json.loads(message.body)
            direct = await client.post("/v1/listen?punctuate=true&utterances=true", content=clip())
            expected = direct.json()
            for answer in (body, expected):
                for utterance in answer["results"]["utterances"]:
                    del utterance["id"]
            assert body["results"] == expected["results"]
            assert body["results"]["channels"][0]["alternatives"][0]["transcript"] == "A."
            assert body["metadata"]["request_id"] == request_id
            for name in ("sha256", "duration", "models"):
                assert body["metadata"][name] == expected["metadata"][name]

    asyncio.run(run())


@pytest.mark.long
def test_callback_of_a_failed_job_sends_the_error_in_the_form_of_deepgram() -> None:
    async def run() -> None:
        async with started() as (running, client):
            allowing(running)
            query = {"callback": "https://hook.example.org/done"}
            await client.post("/v1/listen", params=query, content=b"no audio at all " * 100)
            job = await only_job(client)
            message = await callback_message(state_of(running), "", job)
            body = json.loads(message.body)
            assert (message.method, body["err_code"]) == ("POST", "Bad Request")
            assert body["err_msg"].startswith("Bad Request: failed to process audio")
            assert body["error"]["code"] == "unsupported_audio"

    asyncio.run(run())


def test_webhook_of_assemblyai_sends_id_and_status_with_the_header_that_was_given(
    clip: Clip,
) -> None:
    async def run() -> None:
        async with started() as (running, client):
            allowing(running)
            url = (await client.post("/v2/upload", content=clip())).json()["upload_url"]
            request = {
                "audio_url": url, "webhook_url": "https://hook.example.org/done",
                "webhook_auth_header_name": "X-Secret", "webhook_auth_header_value": "tyst",
            }  # fmt: skip
            made = await client.post("/v2/transcript", json=request)
            assert made.status_code == 200, made.text
            assert made.json()["webhook_auth"] is True
            assert "webhook_auth_header_value" not in made.json()
            job = await only_job(client)
            message = await webhook_message(state_of(running), "", job)
            assert json.loads(message.body) == {"transcript_id": job.id, "status": "completed"}
            assert message.headers["X-Secret"] == "tyst"

    asyncio.run(run())
