"""The pool: results, errors, several at once, and a process that dies in the middle of its work."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from app.decoding import DecodingPool, needs_processes
from app.errors import NordlydError


def add(first: int, *, second: int) -> int:
    return first + second


def fail() -> None:
    raise ValueError("no emissions")


def die_once(marker: Path) -> int:
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return os.getpid()


def die() -> None:
    os._exit(1)


@pytest.mark.parametrize("processes", [False, True])
def test_pool_returns_results_and_raises_errors(processes: bool) -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=processes)
        try:
            assert await pool.run(add, 1, second=2) == 3
            with pytest.raises(ValueError, match="no emissions"):
                await pool.run(fail)
        finally:
            pool.close()

    asyncio.run(run())


@pytest.mark.long
def test_job_of_a_dead_process_is_run_again(tmp_path: Path) -> None:
    async def run() -> None:
        pool = DecodingPool(1, processes=True)
        try:
            done = await asyncio.gather(
                pool.run(die_once, tmp_path / "marker"), pool.run(add, 2, second=2)
            )
            assert done[0] != os.getpid()
            assert done[1] == 4
            with pytest.raises(NordlydError, match="died 3 times"):
                await pool.run(die)
            assert await pool.run(add, 3, second=3) == 6
        finally:
            pool.close()

    asyncio.run(run())


def test_jobs_run_at_the_same_time() -> None:
    async def run() -> None:
        pool = DecodingPool(2, processes=False)
        both = threading.Barrier(2, timeout=20)
        try:
            await asyncio.gather(pool.run(both.wait), pool.run(both.wait))
        finally:
            pool.close()

    asyncio.run(run())


def test_only_pyctcdecode_needs_processes() -> None:
    assert needs_processes("pyctcdecode")
    assert not needs_processes("ctc-beam-decoder")
    assert not needs_processes("native")
    assert not needs_processes("auto")
