"""Batches over a model whose pace a test sets: room in the queue, and shares of the device."""

import asyncio
import json

import pytest
from in_process import in_process, wait_for
from sounds import as_wav, tones

WAV = as_wav(tones(0, 2.0))


def files(count: int) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (f"{index}.wav", WAV)) for index in range(count)]


@pytest.mark.long
def test_batch_waits_for_room_in_the_queue_and_single_file_is_refused() -> None:
    async def run() -> None:
        async with in_process(max_queue_seconds=3) as running:
            await running.until("ready")
            running.model.gate.clear()
            post = running.client.post
            batch = asyncio.create_task(post("/transcribe", files=files(6)))
            await wait_for(lambda: running.service.engine.status().queue_audio_seconds >= 2)
            refused = await post("/transcribe", files=files(1))
            assert refused.status_code == 429
            assert not batch.done()
            running.model.gate.set()
            lines = [json.loads(line) for line in (await batch).text.splitlines()]
            assert sorted(line["index"] for line in lines) == list(range(6))
            assert {line["status"] for line in lines} == {200}
            assert {line["result"]["text"] for line in lines} == {"a"}
            metrics = (await running.client.get("/metrics")).text
            assert 'nordlyd_failures_total{code="queue_full"} 1.0' in metrics

    asyncio.run(run())


def test_batch_past_its_deadline_has_an_error_for_each_file() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.gate.clear()
            answer = await running.client.post("/transcribe?timeout=0.3", files=files(5))
            lines = [json.loads(line) for line in answer.text.splitlines()]
            assert sorted(line["index"] for line in lines) == list(range(5))
            assert {line["status"] for line in lines} == {504}
            assert {line["error"]["code"] for line in lines} == {"deadline_exceeded"}

    asyncio.run(run())


def test_drain_waits_for_the_last_line_of_a_batch() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.gate.clear()
            batch = asyncio.create_task(running.client.post("/transcribe", files=files(2)))
            await wait_for(lambda: running.service.engine.status().queue_audio_seconds >= 4)
            running.service.begin_drain()
            assert not running.service.idle
            running.model.gate.set()
            assert len((await batch).text.splitlines()) == 2
            assert running.service.idle

    asyncio.run(run())


def test_batch_runs_at_most_four_files_at_once() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.gate.clear()
            batch = asyncio.create_task(running.client.post("/transcribe", files=files(12)))
            status = running.service.engine.status
            await wait_for(lambda: status().queue_audio_seconds >= 8)
            single = asyncio.create_task(running.client.post("/transcribe", content=WAV))
            await wait_for(lambda: status().queue_audio_seconds >= 10)
            # Four of the batch and the other caller's; the rest waits its turn outside.
            assert status().queue_audio_seconds == 10
            running.model.gate.set()
            assert (await single).status_code == 200
            assert len((await batch).text.splitlines()) == 12

    asyncio.run(run())
