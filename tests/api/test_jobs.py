"""The jobs of a service in this process: submitted, worked on, read and erased."""

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from event_loops import on_event_loop
from in_process import InProcess, in_process, wait_for

from app.api.state import AppState
from app.contract.jobs import Job
from app.errors import (
    IdempotencyConflictError,
    InvalidRequestError,
    JobNotCompletedError,
    JobNotFoundError,
    JobsUnavailableError,
)
from app.jobs import Jobs, Submission
from app.jobs.attempts import MAX_ATTEMPTS
from app.jobs.durable import JOBS_OF_OWNER
from app.jobs.ids import new_job_id

OWNER = "key:a"
Clip = Callable[..., bytes]


def submission(audio: bytes, **changes: object) -> Submission:
    given = {"owner": OWNER, "kind": "transcribe", "options": {}, "model": "scripted",
             "language": "nb", "source": io.BytesIO(audio)}  # fmt: skip
    return Submission(**given | changes)  # type: ignore[arg-type]


@asynccontextmanager
async def running_jobs(tmp_path: Path) -> AsyncIterator[tuple[InProcess, Jobs]]:
    async with in_process(data=tmp_path / "data") as running:
        await running.until("ready")
        state: AppState = running.app.state.app_state
        yield running, state.jobs


async def completed(jobs: Jobs, job: Job, owner: str = OWNER) -> Job:
    ended = await jobs.get(owner, job.id, wait=20)
    assert ended.status == "completed", ended
    return ended


@on_event_loop
async def test_submitted_recording_is_transcribed(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        job, new = await jobs.submit(submission(clip(), name="møte.wav", metadata={"case": [1]}))
        assert new
        assert (job.status, job.progress, job.started_at) == ("queued", 0, None)
        ended = await completed(jobs, job)
        assert ended.progress == 1
        assert ended.duration == pytest.approx(1.5)
        assert (ended.name, ended.metadata) == ("møte.wav", {"case": [1]})
        assert ended.started_at is not None
        assert ended.completed_at is not None
        assert job.created_at <= ended.started_at <= ended.completed_at
        result = await jobs.result(OWNER, job.id)
        assert result.request_id == job.id
        assert [word.word for word in result.words] == ["a"]


@pytest.mark.long
@on_event_loop
async def test_events_of_a_job_end_with_its_end(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        job, _ = await jobs.submit(submission(clip()))
        async with asyncio.timeout(20):
            events = [event async for event in jobs.events(OWNER, job.id)]
        states = [event.job.status for event in events if event.event == "status"]
        assert states == ["queued", "processing", "completed"]
        ids = [event.id for event in events]
        assert ids == sorted(set(ids))
        later = [event async for event in jobs.events(OWNER, job.id, after=ids[0])]
        assert later == events[1:]
        assert later[-1].job == await jobs.get(OWNER, job.id)


@pytest.mark.long
@on_event_loop
async def test_jobs_are_seen_by_their_owner_alone(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        job, _ = await jobs.submit(submission(clip()))
        await completed(jobs, job)
        for action in (jobs.get, jobs.options, jobs.result, jobs.delete):
            with pytest.raises(JobNotFoundError):
                await action("key:b", job.id)
        with pytest.raises(JobNotFoundError):
            async for _ in jobs.events("key:b", job.id):
                pass
        assert (await jobs.list("key:b")).jobs == ()
        assert (await jobs.list(OWNER)).jobs[0].id == job.id


@pytest.mark.long
@on_event_loop
async def test_pages_have_every_job_once_and_the_newest_first(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        made = [(await jobs.submit(submission(clip(), name=str(n))))[0] for n in range(5)]
        for job in made:
            await completed(jobs, job)
        first = await jobs.list(OWNER, limit=2)
        second = await jobs.list(OWNER, limit=2, after=first.next)
        third = await jobs.list(OWNER, limit=2, after=second.next)
        names = [job.name for page in (first, second, third) for job in page.jobs]
        assert names == ["4", "3", "2", "1", "0"]
        assert third.next is None
        assert (await jobs.list(OWNER, status="failed")).jobs == ()
        with pytest.raises(InvalidRequestError):
            await jobs.list(OWNER, after="3")


@on_event_loop
async def test_repeated_idempotency_key_returns_the_first_job(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        first, new = await jobs.submit(submission(clip(), idempotency_key="k"))
        again, repeated = await jobs.submit(submission(clip(), idempotency_key="k"))
        assert (new, repeated) == (True, False)
        assert again.id == first.id
        with pytest.raises(IdempotencyConflictError):
            await jobs.submit(submission(clip(1), idempotency_key="k"))
        with pytest.raises(IdempotencyConflictError):
            await jobs.submit(submission(clip(), idempotency_key="k", options={"words": False}))
        other, new = await jobs.submit(submission(clip(), idempotency_key="k", owner="key:b"))
        assert new
        assert other.id != first.id


@pytest.mark.long
@on_event_loop
async def test_recording_that_is_no_audio_fails_its_job(tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        job, _ = await jobs.submit(submission(b"not audio" * 100))
        ended = await jobs.get(OWNER, job.id, wait=20)
        assert ended.status == "failed"
        assert ended.error is not None
        assert ended.error.code == "unsupported_audio"
        with pytest.raises(JobNotCompletedError):
            await jobs.result(OWNER, job.id)


@pytest.mark.long
@on_event_loop
async def test_deleted_job_stops_and_leaves_nothing(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (running, jobs):
        running.model.gate.clear()
        job, _ = await jobs.submit(submission(clip(), name="hemmelig.wav"))

        async def follow() -> list[str]:
            return [event.job.status async for event in jobs.events(OWNER, job.id)]

        following = asyncio.create_task(follow())
        engine = running.service.engine
        await wait_for(lambda: engine.status().running > 0)
        await jobs.delete(OWNER, job.id)
        assert engine.status().queued_windows == 0
        assert await following == ["queued", "processing", "cancelled"]
        with pytest.raises(JobNotFoundError):
            await jobs.get(OWNER, job.id)
        assert not list((tmp_path / "data" / "jobs").iterdir())


@pytest.mark.long
@on_event_loop
async def test_align_job_finds_the_words_of_its_text(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        job, _ = await jobs.submit(submission(clip(), kind="align", options={"text": "a a"}))
        await completed(jobs, job)
        result = await jobs.result(OWNER, job.id)
        assert [word.word for word in result.words] == ["a", "a"]


@pytest.mark.long
@on_event_loop
async def test_interrupted_job_completes_after_the_next_start(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (running, jobs):
        running.model.gate.clear()
        job, _ = await jobs.submit(submission(clip()))
        engine = running.service.engine
        await wait_for(lambda: engine.status().running > 0)
    async with running_jobs(tmp_path) as (_, jobs):
        await completed(jobs, job)


@pytest.mark.long
@on_event_loop
async def test_storage_that_is_gone_for_a_while_costs_no_job(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (running, jobs):
        running.model.gate.clear()
        job, _ = await jobs.submit(submission(clip()))
        engine = running.service.engine
        await wait_for(lambda: engine.status().running > 0)
        kept, away = tmp_path / "data" / "jobs", tmp_path / "away"
        kept.rename(away)
        kept.write_text("no folder")
        running.model.gate.set()
        waited = await jobs.get(OWNER, job.id, wait=1)
        assert waited.status == "processing"
        with pytest.raises(JobsUnavailableError):
            await jobs.submit(submission(clip()))
        kept.unlink()
        away.rename(kept)
        await completed(jobs, job)


@pytest.mark.long
@on_event_loop
async def test_recording_of_a_url_that_no_one_may_fetch_fails_its_job(tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        job, _ = await jobs.submit(submission(b"", source="https://example.org/a.wav"))
        ended = await jobs.get(OWNER, job.id, wait=20)
        assert ended.error is not None
        assert ended.error.code == "url_not_allowed"


@pytest.mark.long
@on_event_loop
async def test_job_that_names_a_model_which_is_gone_fails(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        gone = submission(clip(), model="another", options={"model": "another"})
        job, _ = await jobs.submit(gone)
        ended = await jobs.get(OWNER, job.id, wait=20)
        assert ended.error is not None
        assert ended.error.code == "model_not_found"
        assert "scripted" in ended.error.message


@pytest.mark.long
@on_event_loop
async def test_recording_that_fails_the_model_fails_its_job(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (running, jobs):
        running.model.failure = ValueError("a fault of the model")
        job, _ = await jobs.submit(submission(clip()))
        ended = await jobs.get(OWNER, job.id, wait=30)
        assert ended.error is not None
        assert ended.error.code == "encoding_failed"


@pytest.mark.long
@on_event_loop
async def test_recording_that_ends_the_process_every_time_fails(clip: Clip, tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (running, jobs):
        running.model.gate.clear()
        job, _ = await jobs.submit(submission(clip()))
        engine = running.service.engine
        await wait_for(lambda: engine.status().running > 0)
    with closing(sqlite3.connect(tmp_path / "data" / "nordlyd.db")) as database, database:
        database.execute("UPDATE jobs SET attempts = ?", (MAX_ATTEMPTS,))
    async with running_jobs(tmp_path) as (_, jobs):
        ended = await jobs.get(OWNER, job.id, wait=20)
        assert ended.error is not None
        assert ended.error.code == "crashed"


@on_event_loop
async def test_reading_jobs_makes_no_database(tmp_path: Path) -> None:
    async with running_jobs(tmp_path) as (_, jobs):
        assert (await jobs.list(OWNER)).jobs == ()
        with pytest.raises(JobNotFoundError):
            await jobs.get(OWNER, new_job_id())
        with pytest.raises(JobNotFoundError):
            await jobs.delete(OWNER, new_job_id())
    assert not (tmp_path / "data").exists()


@pytest.mark.long
@on_event_loop
async def test_job_of_another_owner_is_begun_beside_those_of_the_first(
    clip: Clip, tmp_path: Path
) -> None:
    async with running_jobs(tmp_path) as (running, jobs):
        running.model.gate.clear()
        for _ in range(6):
            await jobs.submit(submission(clip()))
        begun = await begun_jobs(jobs, OWNER, JOBS_OF_OWNER)
        other, _ = await jobs.submit(submission(clip(), owner="key:b"))
        assert await begun_jobs(jobs, "key:b", 1) == {other.id}
        assert await begun_jobs(jobs, OWNER, JOBS_OF_OWNER) == begun
        running.model.gate.set()


async def begun_jobs(jobs: Jobs, owner: str, count: int) -> set[str]:
    """Waits until that many jobs of an owner are being worked on, and returns them."""
    async with asyncio.timeout(20):
        while True:
            page = await jobs.list(owner, status="processing")
            if len(page.jobs) >= count:
                assert len(page.jobs) == count
                return {job.id for job in page.jobs}
            await asyncio.sleep(0.05)
