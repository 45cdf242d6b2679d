"""Memory of a queue that was worked off goes back to the operating system."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

import numpy as np
import psutil
import pytest

from app.pipeline.memory import AudioMemory

MIB = 2**20
CLIP_SECONDS = 5.0
CLIPS = 600


def measure() -> tuple[int, int, int]:
    """Returns the resident bytes before a long queue, at its longest, and after it."""

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

    return asyncio.run(run())


@pytest.mark.long
def test_memory_of_a_long_queue_is_returned_once_it_is_empty() -> None:
    # In a process of its own: the tests before this one leave free memory that would be used.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        before, full, after = pool.submit(measure).result()
    assert full - before > 150 * MIB
    assert after - before < 20 * MIB
