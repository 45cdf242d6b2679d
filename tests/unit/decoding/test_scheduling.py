"""Scheduling of decoding jobs: cancellation, deadlines and time slices."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from emitted import FRAME, VOCABULARY

from app.decoding import BeamDecoder, DecodingOptions, DecodingPool, ModelDecoders
from app.decoding.backends import available_backends
from app.decoding.scheduling import Job, JobCancelledError, Slots, check_cancelled, current_job
from app.errors import DeadlineExceededError

# Takes minutes to decode.
LONG = np.full((100_000, len(VOCABULARY)), np.log(1 / len(VOCABULARY)), dtype=np.float32)
LONG += np.random.default_rng(0).normal(scale=0.01, size=LONG.shape).astype(np.float32)
SLOW = DecodingOptions(beam_width=2000, prune_logp=-1000.0, min_token_logp=-40.0)
SECONDS = len(LONG) * FRAME


def decode_long() -> str:
    decoder = BeamDecoder(VOCABULARY, SLOW)
    return decoder.decode(LONG, frame_seconds=FRAME, duration=SECONDS).text


def align_long() -> object:
    decoders = ModelDecoders(VOCABULARY, [])
    text = " ".join(["regn"] * 10_000)
    return decoders.align(LONG, text, "nb", frame_seconds=FRAME, duration=SECONDS)


@pytest.mark.parametrize("job", [decode_long, align_long])
def test_cancelled_job_ends_and_frees_its_worker(job) -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=False)
        try:
            for _ in range(2):
                task = asyncio.create_task(pool.run(job))
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            # The only worker is free again: this would wait for minutes otherwise.
            assert await asyncio.wait_for(pool.run(lambda: "free"), 30) == "free"
        finally:
            pool.close()

    asyncio.run(run())


@pytest.mark.parametrize("function", [decode_long, align_long])
def test_job_ends_at_its_deadline(function) -> None:
    """In the thread itself, without a cancellation."""
    job = Job(Slots(1), deadline=time.monotonic() + 0.2)
    with pytest.raises(DeadlineExceededError, match="text was being decoded"):
        job.run(function)


def test_deadline_ends_the_wait_for_a_worker() -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=False)
        busy = threading.Event()
        held = asyncio.create_task(pool.run(busy.wait, 60))
        await asyncio.sleep(0.1)
        try:
            with pytest.raises(DeadlineExceededError):
                await pool.run_before(time.monotonic() + 0.2, lambda: "too late")
        finally:
            busy.set()
            await held
            pool.close()

    asyncio.run(run())


def test_short_job_does_not_wait_for_long_ones() -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=False)
        long = [asyncio.create_task(pool.run(decode_long)) for _ in range(4)]
        try:
            await asyncio.sleep(0.1)
            assert await asyncio.wait_for(pool.run(lambda: "short"), 30) == "short"
            assert not any(task.done() for task in long)
        finally:
            for task in long:
                task.cancel()
            await asyncio.gather(*long, return_exceptions=True)
            pool.close()

    asyncio.run(run())


def test_job_beyond_the_limit_waits_until_one_ends() -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=False, jobs=2)
        jobs = [asyncio.create_task(pool.run(decode_long)) for _ in range(2)]
        try:
            await asyncio.sleep(0.1)
            third = asyncio.create_task(pool.run(lambda: "third"))
            await asyncio.sleep(0.1)
            assert not third.done()
            jobs[0].cancel()
            assert await asyncio.wait_for(third, 30) == "third"
        finally:
            for task in jobs:
                task.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            pool.close()

    asyncio.run(run())


def test_closing_the_pool_cancels_running_jobs() -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=False)
        job = asyncio.create_task(pool.run(decode_long))
        await asyncio.sleep(0.1)
        pool.close()
        with pytest.raises(JobCancelledError):
            await asyncio.wait_for(job, 30)

    asyncio.run(run())


def test_job_does_not_wait_for_those_in_the_background() -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=False, jobs=2)
        # More than there are threads for each kind.
        background = [asyncio.create_task(pool.run_in_background(decode_long)) for _ in range(3)]
        try:
            await asyncio.sleep(0.1)
            assert await asyncio.wait_for(pool.run(lambda: "short"), 30) == "short"
            assert not any(task.done() for task in background)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            pool.close()

    asyncio.run(run())


def test_slot_passes_to_jobs_in_the_background_once_no_other_job_waits() -> None:
    slots, order = Slots(1), []

    def job(name: str, *, background: bool) -> None:
        slots.acquire(background=background)
        order.append(name)
        slots.release()

    with ThreadPoolExecutor(4) as threads:
        slots.acquire()
        threads.submit(job, "background 1", background=True)
        time.sleep(0.1)
        threads.submit(job, "background 2", background=True)
        time.sleep(0.1)
        threads.submit(job, "first", background=False)
        time.sleep(0.1)
        threads.submit(job, "second", background=False)
        time.sleep(0.1)
        slots.release()
    assert order == ["first", "second", "background 1", "background 2"]


def test_job_yields_its_slot_to_waiting_jobs() -> None:
    """Each runs until all have begun, while one at a time may run."""
    slots, began = Slots(1), set()

    def job(name: int) -> bool:
        began.add(name)
        until = time.monotonic() + 30
        while len(began) < 3 and time.monotonic() < until:
            check_cancelled()
        return len(began) == 3

    with ThreadPoolExecutor(3) as threads:
        done = [threads.submit(Job(slots).run, partial(job, name)) for name in range(3)]
        assert all(one.result() for one in done)
    assert current_job() is None


def test_pyctcdecode_search_ends_at_its_deadline() -> None:
    if "pyctcdecode" not in available_backends():
        assert "native" in available_backends()
        return
    decoder = BeamDecoder(VOCABULARY, DecodingOptions(beam_width=500), backend="pyctcdecode")
    job = Job(deadline=time.monotonic() + 0.3)
    with pytest.raises(DeadlineExceededError):
        job.run(lambda: decoder.decode(LONG[:5000], frame_seconds=FRAME, duration=100.0))


def test_decoding_outside_of_the_pool_is_not_cancelled() -> None:
    decoders = ModelDecoders(VOCABULARY, [])
    [found] = decoders.decode(
        LONG[:50], DecodingOptions("beam"), frame_seconds=FRAME, duration=50 * FRAME
    )
    assert found.decoder == "beam"
