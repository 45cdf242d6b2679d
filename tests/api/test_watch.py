"""A watched folder of a service in this process, at a quicker pace than that of the service."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import docx
import pytest
from event_loops import on_event_loop
from in_process import InProcess, in_process, wait_for

from app.api.state import AppState
from app.contract.jobs import Job
from app.jobs import watch

Clip = Callable[..., bytes]

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr("app.watching.scan.SETTLE_SECONDS", 0.4)


@asynccontextmanager
async def watching(folder: Path, **settings: object) -> AsyncIterator[InProcess]:
    watched = folder / "in"
    watched.mkdir(exist_ok=True)
    async with in_process(data=folder / "data", watch=watched, **settings) as running:  # type: ignore[arg-type]
        await running.until("ready")
        yield running


async def jobs_of(running: InProcess) -> tuple[Job, ...]:
    """The jobs of the folder, the oldest first."""
    state: AppState = running.app.state.app_state
    return tuple(reversed((await state.jobs.list(watch.OWNER, limit=100)).jobs))


async def jobs_when(
    running: InProcess, condition: Callable[[tuple[Job, ...]], bool]
) -> tuple[Job, ...]:
    """The jobs of the folder once a condition holds for them."""
    async with asyncio.timeout(20):
        while not condition(jobs := await jobs_of(running)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return jobs


def _id(job: Job) -> str:
    return job.id


def texts(folder: Path) -> dict[str, str]:
    """What is in a folder besides recordings, and besides what is being written."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(errors="replace")
        for path in folder.rglob("*.*")
        if path.suffix not in {".wav", ".part"} and path.is_file()
    }


@on_event_loop
async def test_recording_is_transcribed_beside_itself_once(clip: Clip, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    async with watching(tmp_path, watch_formats="text,json,srt,docx") as running:
        (folder / "år 2026").mkdir()
        (folder / "år 2026/møte.wav").write_bytes(clip())
        await wait_for(lambda: len(texts(folder)) == 4)
        found = texts(folder)
        assert found["år 2026/møte.wav.txt"] == "a\n"
        assert '"text":"a"' in found["år 2026/møte.wav.json"].replace(" ", "")
        assert "00:00:0" in found["år 2026/møte.wav.srt"]
        written = docx.Document(str(folder / "år 2026/møte.wav.docx")).paragraphs
        assert [paragraph.text for paragraph in written] == ["møte", "a"]
        # Neither a touched recording nor the same content again is new.
        (folder / "år 2026/møte.wav").touch()
        await asyncio.sleep(1.5)
        (job,) = await jobs_of(running)
        assert job.name == "møte.wav"
        # No key sees it.
        assert (await running.client.get("/jobs")).json()["jobs"] == []


@on_event_loop
async def test_results_go_to_a_folder_of_their_own(clip: Clip, tmp_path: Path) -> None:
    out = tmp_path / "in" / "ut"
    async with watching(tmp_path, watch_out=out):
        (tmp_path / "in/a.wav").write_bytes(clip())
        await wait_for(lambda: out.exists() and texts(out) != {})
        assert texts(out) == {"a.wav.txt": "a\n"}


@on_event_loop
async def test_slow_copy_is_transcribed_when_it_is_whole(clip: Clip, tmp_path: Path) -> None:
    audio = clip(0, 3.0)
    path = tmp_path / "in/slow.wav"
    async with watching(tmp_path) as running:
        for at in range(0, len(audio), len(audio) // 8):
            # As a network share: no file stays open, and nothing reports a change.
            with path.open("ab") as file:
                file.write(audio[at : at + len(audio) // 8])
            await asyncio.sleep(0.2)
        await wait_for(lambda: texts(tmp_path / "in") != {})
        (job,) = await jobs_of(running)
        assert job.duration == pytest.approx(3.0)


@on_event_loop
async def test_broken_recording_is_listed_with_its_reason_until_it_is_replaced(
    clip: Clip, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    async with watching(tmp_path) as running:
        (folder / "broken.wav").write_bytes(b"this is no recording")
        await wait_for(lambda: "broken.wav.error.txt" in texts(folder))
        job = (await jobs_of(running))[0]
        assert job.error is not None
        assert texts(folder) == {"broken.wav.error.txt": f"{job.error.message}\n"}
        (folder / "broken.wav").write_bytes(clip())
        await wait_for(lambda: texts(folder) == {"broken.wav.txt": "a\n"})
        assert len(await jobs_of(running)) == 2


@on_event_loop
async def test_equal_recordings_each_get_their_results(clip: Clip, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    async with watching(tmp_path):
        (folder / "a.wav").write_bytes(clip())
        shutil.copy(folder / "a.wav", folder / "b.wav")
        await wait_for(lambda: texts(folder) == {"a.wav.txt": "a\n", "b.wav.txt": "a\n"})


@on_event_loop
async def test_recording_that_is_removed_while_in_work_still_gets_its_result(
    clip: Clip, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    async with watching(tmp_path) as running:
        running.model.gate.clear()
        (folder / "a.wav").write_bytes(clip())
        await jobs_when(running, lambda jobs: len(jobs) == 1)
        (folder / "a.wav").unlink()
        running.model.gate.set()
        await wait_for(lambda: texts(folder) == {"a.wav.txt": "a\n"})


@on_event_loop
async def test_recording_that_is_replaced_while_in_work_is_done_with_its_new_content(
    clip: Clip, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    async with watching(tmp_path) as running:
        running.model.gate.clear()
        (folder / "a.wav").write_bytes(clip(0, 1.5))
        (before,) = await jobs_when(running, lambda jobs: len(jobs) == 1)
        (folder / "a.wav").write_bytes(clip(1, 2.5))
        await jobs_when(running, lambda jobs: bool(jobs) and before.id not in {*map(_id, jobs)})
        running.model.gate.set()
        await wait_for(lambda: texts(folder) == {"a.wav.txt": "a\n"})
        (job,) = await jobs_of(running)
        assert job.duration == pytest.approx(2.5)


@on_event_loop
async def test_restart_continues_and_does_nothing_twice(clip: Clip, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    async with watching(tmp_path) as running:
        (folder / "done.wav").write_bytes(clip(0))
        await wait_for(lambda: texts(folder) == {"done.wav.txt": "a\n"})
        running.model.gate.clear()
        (folder / "in-work.wav").write_bytes(clip(1))
        await jobs_when(running, lambda jobs: len(jobs) == 2)
    (folder / "done.wav.txt").unlink()
    async with watching(tmp_path) as running:
        await wait_for(lambda: texts(folder) == {"in-work.wav.txt": "a\n"})
        await asyncio.sleep(1)
        assert [job.name for job in await jobs_of(running)] == ["done.wav", "in-work.wav"]
        assert texts(folder) == {"in-work.wav.txt": "a\n"}


@on_event_loop
async def test_erased_job_leaves_no_name_in_the_data_folder(clip: Clip, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    name = "hemmelig-mote"
    async with watching(tmp_path) as running:
        (folder / f"{name}.wav").write_bytes(clip())
        await wait_for(lambda: texts(folder) != {})
        state: AppState = running.app.state.app_state
        (job,) = await jobs_of(running)
        await state.jobs.delete(watch.OWNER, job.id)
    found = [
        str(path)
        for path in (tmp_path / "data").rglob("*")
        if path.is_file() and name.encode() in path.read_bytes()
    ]
    assert found == []
