"""A recording whose decoder crashes, hangs or takes all memory fails one request, on any route."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import troubled_handlers as trouble
from in_process import InProcess, in_process, wait_for
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.audio.workers import MediaPool, PoolOptions

BAD = {
    "crash.wav": trouble.CRASH,
    "hang.wav": trouble.HANG,
    "swell.wav": trouble.EAT,
    "raise.wav": trouble.RAISE,
}


@asynccontextmanager
async def running(**options: object) -> AsyncIterator[InProcess]:
    shape = {"processor_seconds": 0.3, "memory_mb": 96, "handlers": "troubled_handlers"} | options
    media = MediaPool(PoolOptions(**shape))  # type: ignore[arg-type]
    async with in_process(media=media) as service:
        await service.until("ready")
        yield service


def form(data: bytes, name: str = "a.wav") -> dict[str, tuple[str, bytes]]:
    return {"file": (name, data)}


@pytest.mark.long
def test_each_route_reports_media_crashed_and_serves_good_clips(
    clip: Callable[..., bytes],
) -> None:
    async def run() -> None:
        async with running() as service:
            post = service.client.post
            align = {"text": "hei"}
            openai = {"model": "scripted"}
            good = [post("/transcribe", files=form(clip(n))) for n in range(12)]
            bad = [
                *(post("/transcribe", files=form(data)) for data in BAD.values()),
                post("/transcribe", content=trouble.CRASH),
                post("/align", files=form(trouble.CRASH), data=align),
                post("/v1/audio/transcriptions", files=form(trouble.CRASH), data=openai),
                post("/v1/listen", content=trouble.CRASH),
            ]
            answers = await asyncio.gather(*good, *bad)
            assert [answer.status_code for answer in answers[:12]] == [200] * 12
            openais, deepgrams = answers[-2:]
            assert [answer.status_code for answer in (openais, deepgrams)] == [400, 400]
            assert openais.json()["error"]["code"] == "invalid_value"
            for answer in answers[12:-2]:
                assert answer.status_code == 422, answer.text
            for answer in (*answers[12:-2], deepgrams):
                assert answer.json()["error"]["code"] == "media_crashed"
            for answer in answers[12:]:
                error = answer.json()["error"]
                assert "cannot be read" in error["message"]
                assert "WAV or FLAC" in error["message"]
            metrics = (await service.client.get("/metrics")).text
            assert 'nordlyd_failures_total{code="media_crashed"} 8.0' in metrics

    asyncio.run(run())


def test_event_stream_ends_with_the_error(clip: Callable[..., bytes]) -> None:
    async def run() -> None:
        async with running() as service:
            data = {"model": "scripted", "stream": "true"}
            answer = await service.client.post(
                "/v1/audio/transcriptions", files=form(trouble.CRASH), data=data
            )
            assert answer.status_code == 400
            assert "cannot be read" in answer.json()["error"]["message"]

    asyncio.run(run())


@pytest.mark.long
def test_files_of_a_batch_fail_independently(clip: Callable[..., bytes]) -> None:
    async def run() -> None:
        async with running() as service:
            files = [("file", (name, data)) for name, data in BAD.items()]
            files += [("file", (f"{number}.wav", clip(number))) for number in range(4)]
            answer = await service.client.post("/transcribe", files=files)
            lines = [json.loads(line) for line in answer.text.splitlines()]
            codes = {line["name"]: line.get("error", {}).get("code") for line in lines}
            assert codes == dict.fromkeys(BAD, "media_crashed") | {
                f"{number}.wav": None for number in range(4)
            }

    asyncio.run(run())


def test_lost_worker_is_logged_with_its_request() -> None:
    async def run() -> None:
        async with running() as service:
            headers = {"x-request-id": "the-one"}
            await service.client.post("/transcribe", content=trouble.CRASH, headers=headers)

    with capture_logs((merge_contextvars,)) as logs:
        asyncio.run(run())
    (entry,) = [entry for entry in logs if entry["event"] == "a media worker was lost"]
    assert entry["detail"] == "SIGSEGV"
    assert entry["request_id"] == "the-one"
    assert "format" in entry


def test_full_disk_is_a_507(clip: Callable[..., bytes]) -> None:
    async def run() -> None:
        async with running() as service:
            answer = await service.client.post("/transcribe", content=trouble.FULL)
            assert answer.status_code == 507
            assert answer.json()["error"]["code"] == "insufficient_storage"

    asyncio.run(run())


def test_upload_over_the_disk_budget_is_a_507_or_429(
    clip: Callable[..., bytes],
) -> None:
    async def run() -> None:
        async with running(spool_mb=8) as service:
            too_much = bytes(9 * 2**20)
            answer = await service.client.post("/transcribe", content=too_much)
            assert answer.status_code == 507
            assert "NORDLYD_SPOOL_MB" in answer.json()["error"]["message"]
            # One who sends slowly and has begun holds what the next does not get.
            others = service.service.transcriber.media.spool.reserve("another")
            others.resize(4 * 2**20)
            answer = await service.client.post("/transcribe", content=bytes(5 * 2**20))
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) >= 1
            answer = await service.client.post("/transcribe", content=clip(1))
            assert answer.status_code == 200
            others.release()
            assert service.service.transcriber.media.spool.used == 0

    asyncio.run(run())


def test_decoded_audio_without_room_is_refused_and_a_batch_waits(
    clip: Callable[..., bytes],
) -> None:
    async def run() -> None:
        async with running(decoded_mb=64) as service:
            others = service.service.transcriber.media.decoded.reserve("another")
            others.resize(64 * 2**20)
            refused = await service.client.post("/transcribe", content=clip(1))
            assert refused.status_code == 429
            assert "retry-after" in refused.headers
            waiting = asyncio.create_task(
                service.client.post("/transcribe", files=[("file", ("a.wav", clip(1)))] * 2)
            )
            await asyncio.sleep(0.5)
            assert not waiting.done()
            others.release()
            answer = await waiting
            assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [200, 200]

    asyncio.run(run())


def test_deadline_of_a_request_ends_its_decoding() -> None:
    async def run() -> None:
        async with running(processor_seconds=60) as service:
            answer = await service.client.post("/transcribe?timeout=0.3", content=trouble.HANG)
            assert answer.status_code == 504
            media = service.service.transcriber.media
            await wait_for(lambda: media.decoded.used == 0)

    asyncio.run(run())
