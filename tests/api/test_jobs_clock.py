"""A running service while the clock of its machine jumps."""

import asyncio
import io
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from event_loops import on_event_loop
from in_process import in_process, wait_for
from webhook_receiver import SECRET, webhook_receiver

from app.api.state import AppState
from app.clock import SteadyClock
from app.database import Database
from app.errors import AuthenticationError, JobNotFoundError
from app.jobs import Jobs, Submission
from app.keys import KeyRing
from app.keys.store import KeyStore

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


@pytest.mark.parametrize("jump", [30 * _DAY, -30 * _DAY])
@on_event_loop
async def test_clock_that_jumps_neither_refuses_nor_drops_requests_that_wait(
    clip: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    async with in_process() as running:
        await running.until("ready")
        running.model.gate.clear()
        headers = {"X-Request-Timeout": "60"}
        async with asyncio.TaskGroup() as group:
            waiting = [
                group.create_task(
                    running.client.post("/transcribe", content=clip(number), headers=headers)
                )
                for number in range(3)
            ]
            await wait_for(lambda: running.service.engine.status().running > 0)
            now = time.time
            monkeypatch.setattr(time, "time", lambda: now() + jump)
            late = group.create_task(
                running.client.post("/transcribe", content=clip(3), headers=headers)
            )
            await asyncio.sleep(0.2)
            running.model.gate.set()
        assert {task.result().status_code for task in (*waiting, late)} == {200}


@pytest.mark.parametrize("jump", [30 * _DAY, -30 * _DAY])
@on_event_loop
async def test_webhook_that_is_refused_while_the_clock_has_jumped_is_sent_again(
    tmp_path: Path, clip: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    machine = _Machine()
    monkeypatch.setattr("app.jobs.service.SteadyClock", machine.clock)
    with webhook_receiver() as receiver:
        # As a receiver does that refuses the time of the signature.
        receiver.statuses["/done"] = [401, 200]
        settings: dict[str, Any] = {
            "data": tmp_path, "url_hosts": receiver.rule, "webhook_secret": SECRET,
        }  # fmt: skip
        async with in_process(**settings) as running:
            await running.until("ready")
            machine.jumped = jump
            answer = await running.client.post(
                "/jobs", content=clip(), params={"webhook_url": receiver.url("/done")}
            )
            url = f"/jobs/{answer.json()['id']}/webhooks"
            async with asyncio.timeout(30):
                while not receiver.at("/done"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                await asyncio.sleep(0.5)
                [waiting] = (await running.client.get(url)).json()["deliveries"]
                assert (waiting["state"], waiting["last_status"]) == ("pending", 401)
                machine.jumped = 0.0
                while len(receiver.at("/done")) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        first, second = receiver.at("/done")
        assert first.id == second.id


def test_key_expires_by_the_time_that_passes_and_not_by_a_clock_that_jumps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = _Machine()
    monkeypatch.setattr("app.keys.ring.SteadyClock", machine.clock)
    store = KeyStore(Database(tmp_path))
    _, text = store.create("a", expires_in=_DAY)
    keys = KeyRing(open_store=lambda: store)

    async def present() -> None:
        await keys.refresh()
        await keys.authenticate(text.encode())

    for jump in (30 * _DAY, -30 * _DAY):
        machine.jumped = jump
        asyncio.run(present())
    machine.jumped = 0.0
    machine.passed = _DAY + 1
    for jump in (0.0, -30 * _DAY):
        machine.jumped = jump
        with pytest.raises(AuthenticationError, match="expired"):
            asyncio.run(present())
