"""Jobs of a running service while the clock of its machine jumps."""

import asyncio
import io
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from event_loops import on_event_loop
from in_process import in_process

from app.api.state import AppState
from app.errors import JobNotFoundError
from app.jobs import Jobs, Submission
from app.jobs.clock import SteadyClock

pytestmark = pytest.mark.long

SWEEP_SECONDS = 0.25
SEVERAL_SWEEPS = 2.0

_DAY = 86_400.0


class _Machine:
    """A clock that can be set, and a stopwatch that can be moved on."""

    def __init__(self) -> None:
        self.jumped = 0.0
        self.passed = 0.0

    def clock(self) -> SteadyClock:
        return SteadyClock(
            lambda: time.time() + self.jumped + self.passed,
            lambda: time.monotonic() + self.passed,
        )


async def exists(jobs: Jobs, job_id: str) -> bool:
    try:
        await jobs.get("", job_id)
    except JobNotFoundError:
        return False
    return True


@on_event_loop
async def test_clock_that_jumps_erases_nothing_early_and_the_passing_of_time_does(
    tmp_path: Path, clip: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = _Machine()
    monkeypatch.setattr("app.jobs.service.SteadyClock", machine.clock)
    monkeypatch.setattr("app.jobs.parts._SWEEP_SECONDS", SWEEP_SECONDS)
    async with in_process(data=tmp_path, keep_results=timedelta(days=1)) as running:
        await running.until("ready")
        state: AppState = running.app.state.app_state
        job, _ = await state.jobs.submit(
            Submission(
                owner="",
                kind="transcribe",
                options={},
                model="scripted",
                language="nb",
                source=io.BytesIO(clip()),
            )
        )
        ended = await state.jobs.get("", job.id, wait=30)
        assert ended.status == "completed"
        machine.jumped = 30 * _DAY
        await asyncio.sleep(SEVERAL_SWEEPS)
        await state.jobs.result("", job.id)
        machine.jumped = -30 * _DAY
        machine.passed = 0.9 * _DAY
        await asyncio.sleep(SEVERAL_SWEEPS)
        await state.jobs.result("", job.id)
        machine.jumped = 0.0
        machine.passed = _DAY + 1
        async with asyncio.timeout(30):
            while await exists(state.jobs, job.id):  # noqa: ASYNC110 - no event has it
                await asyncio.sleep(0.2)
