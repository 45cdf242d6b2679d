"""Memory of a queue that was worked off goes back to the operating system."""

import asyncio
from contextlib import ExitStack

import numpy as np
import psutil
import pytest

from app.pipeline.memory import AudioMemory

MIB = 2**20
CLIP_SECONDS = 5.0
CLIPS = 600


@pytest.mark.long
def test_memory_of_a_long_queue_is_returned_once_it_is_empty() -> None:
    async def run() -> tuple[int, int, int]:
        process, memory = psutil.Process(), AudioMemory()
        before = process.memory_info().rss
        # What lives longer than the queue lies between what is freed with it.
        survivors: list[bytes] = []
        with ExitStack() as stack:
            for _ in range(CLIPS):
                clip = [np.ones(4_000, np.float32) for _ in range(20)]
                survivors.append(b"x" * 2_000)
                stack.enter_context(memory.hold(CLIP_SECONDS))
                stack.callback(clip.clear)
            full = process.memory_info().rss
        await asyncio.sleep(2)
        assert len(survivors) == CLIPS
        return before, full, process.memory_info().rss

    before, full, after = asyncio.run(run())
    assert full - before > 150 * MIB
    assert after - before < 20 * MIB
