"""The processes that render transcripts: what ends them, and what the caller gets."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import psutil
import pytest

from app.contract.layout import Layout
from app.errors import NordlydError, OverloadedError, TooLargeError
from app.formats import Rendered
from app.rendering import NotATranscriptError, RenderPool
from app.rendering.frames import SIZES, frame

SHORT = {"words": [{"word": "hei", "start": 0.0, "end": 0.4}], "duration": 1.0}


def long_transcript() -> dict[str, Any]:
    """A transcript whose subtitles take seconds."""
    words = [{"word": "ord", "start": n * 0.4, "end": n * 0.4 + 0.3} for n in range(60_000)]
    return {"words": words, "duration": 24_000.0}


def rendered(
    pool: RenderPool, transcript: dict[str, Any], name: str = "text"
) -> Coroutine[Any, Any, Rendered]:
    body = json.dumps(transcript).encode()
    return pool.render(body, name, recording="opptak.wav", word_cues=False, layout=Layout())


def rendering_processes() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "app.rendering.worker" in child.cmdline()
    ]


def run(
    test: Callable[[RenderPool], Coroutine[Any, Any, None]], workers: int = 1, seconds: float = 30
) -> None:
    async def with_pool() -> None:
        pool = RenderPool(workers, seconds)
        try:
            await asyncio.wait_for(test(pool), 60)
        finally:
            await pool.close()
            # The pipes of a process that ended are closed in the loop's next turns.
            await asyncio.sleep(0.05)

    asyncio.run(with_pool())


async def start_of_long_rendering(
    pool: RenderPool,
) -> tuple[asyncio.Task[Rendered], psutil.Process]:
    await rendered(pool, SHORT)
    [process] = rendering_processes()
    task = asyncio.create_task(rendered(pool, long_transcript(), "srt"))
    await asyncio.sleep(0.05)
    return task, process


def test_process_is_started_once_and_ends_with_the_pool() -> None:
    async def test(pool: RenderPool) -> None:
        first = await rendered(pool, SHORT)
        assert (first.body, first.media_type.split(";")[0]) == (b"hei\n", "text/plain")
        [process] = rendering_processes()
        with pytest.raises(NotATranscriptError) as caught:
            await rendered(pool, {"words": None, "duration": 1.0})
        assert [issue["loc"] for issue in caught.value.issues] == [["words"]]
        assert (await rendered(pool, SHORT, "srt")).body.startswith(b"1\n00:00:00,000")
        assert rendering_processes() == [process]
        await pool.close()
        assert rendering_processes() == []

    run(test)


def test_transcript_over_the_time_limit_is_refused_and_its_process_ends() -> None:
    async def test(pool: RenderPool) -> None:
        with pytest.raises(TooLargeError, match=r"over 0.01 s \(NORDLYD_RENDER_SECONDS\)"):
            await rendered(pool, SHORT)
        assert rendering_processes() == []

    run(test, seconds=0.01)


@pytest.mark.long
def test_process_that_is_killed_fails_its_own_request_only() -> None:
    async def test(pool: RenderPool) -> None:
        waiting, process = await start_of_long_rendering(pool)
        process.kill()
        with pytest.raises(NordlydError, match="ended; the log has its exit status"):
            await waiting
        assert (await rendered(pool, SHORT)).body == b"hei\n"
        [idle] = rendering_processes()
        idle.kill()
        with pytest.raises(NordlydError, match="ended"):
            await rendered(pool, SHORT)
        assert (await rendered(pool, SHORT)).body == b"hei\n"

    run(test)


def test_cancelled_request_kills_its_process() -> None:
    async def test(pool: RenderPool) -> None:
        waiting, _ = await start_of_long_rendering(pool)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert rendering_processes() == []
        assert (await rendered(pool, SHORT)).body == b"hei\n"

    run(test)


@pytest.mark.long
def test_requests_beyond_the_queue_are_refused_until_there_is_room() -> None:
    async def test(pool: RenderPool) -> None:
        waiting = [asyncio.create_task(rendered(pool, SHORT)) for _ in range(18)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="18 transcripts") as caught:
            await rendered(pool, SHORT)
        assert caught.value.retry_after == 5
        assert {file.body for file in await asyncio.gather(*waiting)} == {b"hei\n"}
        assert len(rendering_processes()) == 2
        assert (await rendered(pool, SHORT)).body == b"hei\n"

    run(test, workers=2)


def test_process_ends_when_the_service_closes_the_pipe_but_not_at_ctrl_c() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "app.rendering.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    options = {"name": "text", "recording": "", "word_cues": False, "layout": {}}
    request = frame(options, json.dumps(SHORT).encode())
    process.stdin.write(request)
    process.stdin.flush()
    assert process.stdout is not None
    sizes = SIZES.unpack(process.stdout.read(SIZES.size))
    assert process.stdout.read(sum(sizes)).endswith(b"hei\n")
    os.kill(process.pid, signal.SIGINT)
    answer, _ = process.communicate(request, timeout=30)
    assert answer.endswith(b"hei\n")
    assert process.returncode == 0
