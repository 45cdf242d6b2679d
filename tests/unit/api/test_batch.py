"""Batches: a few jobs at a time, whose answers are sent as they finish, independently."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack, aclosing
from functools import partial

import httpx
import pytest
from fastapi import FastAPI, Request

from app.api.batch import AT_ONCE, BatchResponse, Job, as_finished
from app.errors import AudioError


class Work:
    """Jobs that end on request, and the number of those that ran at once."""

    def __init__(self, count: int) -> None:
        self.ends = [asyncio.Event() for _ in range(count)]
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.running = self.most = 0

    async def run(self, index: int) -> int:
        self.started.append(index)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.ends[index].wait()
        except asyncio.CancelledError:
            self.cancelled.append(index)
            raise
        finally:
            self.running -= 1
        return index


def test_number_of_running_jobs_is_limited_and_they_finish_in_any_order() -> None:
    async def run() -> list[int]:
        work = Work(7)
        finished = []
        async with aclosing(as_finished([partial(work.run, i) for i in range(7)], 3)) as results:
            for next_to_end in (2, 3, 0, 4, 1, 6, 5):
                work.ends[next_to_end].set()
                finished.append(await anext(results))
            with pytest.raises(StopAsyncIteration):
                await anext(results)
        assert work.started == list(range(7))
        assert (work.most, work.running) == (3, 0)
        return finished

    assert asyncio.run(run()) == [2, 3, 0, 4, 1, 6, 5]


def test_closing_the_generator_cancels_running_jobs() -> None:
    async def run() -> None:
        work = Work(5)
        work.ends[1].set()
        async with aclosing(as_finished([partial(work.run, i) for i in range(5)], 2)) as results:
            assert await anext(results) == 1
        assert sorted(work.cancelled) == [0]
        assert work.started == [0, 1]

    asyncio.run(run())


class Held:
    """A batch that a small application answers with, over HTTP in this process."""

    def __init__(self, runs: Sequence[Coroutine[None, None, str]]) -> None:
        self.cut_off = asyncio.Event()
        self.failed: list[str] = []
        self.left = False
        app = FastAPI()

        @app.post("/")
        async def answer(request: Request) -> BatchResponse:
            await request.body()
            request.state.request_id = "id-1"
            hold = ExitStack()
            hold.callback(self._leave)
            return BatchResponse(
                request,
                [Job(index, f"{index}.wav", lambda run=run: run) for index, run in enumerate(runs)],
                hold,
                cut_off=self.cut_off,
                failed=self.failed.append,
            )

        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://here")

    def _leave(self) -> None:
        self.left = True

    async def lines(self) -> list[dict[str, object]]:
        async with self.client:
            answer = await self.client.post("/")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert self.left
        return [json.loads(line) for line in answer.text.splitlines()]


async def well() -> str:
    return '{"text": "hei"}'


async def badly() -> str:
    raise AudioError("It is empty.", param="file")


async def unforeseen() -> str:
    raise RuntimeError("secret of the inside")


def test_failing_job_does_not_affect_the_others() -> None:
    async def run() -> None:
        held = Held([badly(), unforeseen(), well()])
        lines = sorted(await held.lines(), key=lambda line: str(line["index"]))
        first, second, third = lines
        assert first == {
            "index": 0, "name": "0.wav", "status": 422,
            "error": {"message": "It is empty.", "type": "invalid_request_error",
                      "param": "file", "code": "invalid_audio"},
        }  # fmt: skip
        assert second["status"] == 500
        assert "id-1" in second["error"]["message"]  # type: ignore[index]
        assert "secret" not in json.dumps(second)
        assert third == {"index": 2, "name": "2.wav", "status": 200, "result": {"text": "hei"}}
        assert sorted(held.failed) == ["internal_error", "invalid_audio"]

    asyncio.run(run())


def test_stopping_service_sends_an_error_for_each_remaining_file() -> None:
    async def run() -> None:
        work = Work(AT_ONCE + 2)
        work.ends[0].set()

        async def piece(index: int) -> str:
            return str(await work.run(index))

        held = Held([piece(index) for index in range(AT_ONCE + 2)])
        collecting = asyncio.create_task(held.lines())
        async with asyncio.timeout(20):
            # Once a piece has been done, the first of those that waited has begun.
            while len(work.started) <= AT_ONCE:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        held.cut_off.set()
        first, *others = await collecting
        assert (first["index"], first["status"]) == (0, 200)
        assert [line["index"] for line in others] == list(range(1, AT_ONCE + 2))
        assert {line["status"] for line in others} == {503}
        assert {line["error"]["code"] for line in others} == {"draining"}  # type: ignore[index]
        assert held.failed == ["draining"] * (AT_ONCE + 1)
        assert sorted(work.cancelled) == list(range(1, AT_ONCE + 1))

    asyncio.run(run())
