"""Damaged files of jobs: they are computed again, or an error; never a wrong transcript."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_loops import on_event_loop
from in_process import InProcess, ScriptedModel, in_process, wait_for
from sounds import as_wav, tones
from web_server import web_server

pytestmark = pytest.mark.long

Damage = Callable[[bytes], bytes]

# More than a group: a second of sound, and two of silence, again and again.
_LONG = as_wav(np.tile(np.concatenate([tones(0, 1.0), np.zeros(32_000, np.float32)]), 220))


class LoudnessModel(ScriptedModel):
    """Recognises each sound as an "a", so that the text depends on the audio.

    Attributes:
        windows: how many of recordings it has encoded: those with silence in them. The warm-up
            measures with noise, as often as its time allows.
        limit: it waits for `gate` before it encodes more.
    """

    windows = 0
    limit = 10_000

    def encode(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        loud = [self._loud(window) for window in windows]
        recorded = sum(not frames.all() for frames in loud)
        if self.windows + recorded > self.limit:
            self.gate.wait(60)
        self.windows += recorded
        return [self._columns(frames) for frames in loud]

    def _loud(self, window: np.ndarray) -> np.ndarray:
        frames = self.frames(len(window))
        loud: np.ndarray = (
            np.abs(window[: frames * self.hop]).reshape(frames, self.hop).mean(1) > 0.01
        )
        return loud

    def _columns(self, loud: np.ndarray) -> np.ndarray:
        columns = np.full((len(loud), 3), 1e-9, np.float32)
        columns[np.arange(len(loud)), np.where(loud, 2, 1)] = 1.0
        return np.log(columns)


def cut(data: bytes) -> bytes:
    return data[:-100]


def scribbled(data: bytes) -> bytes:
    """Changes bytes in the middle, so that what remains may be read without an error."""
    middle = len(data) // 2
    return (
        data[:middle] + bytes(byte ^ 1 for byte in data[middle : middle + 8]) + data[middle + 8 :]
    )


def emptied(data: bytes) -> bytes:
    return b""


damages = pytest.mark.parametrize("damage", [cut, scribbled, emptied])


def change(file: Path, damage: Damage) -> None:
    file.write_bytes(damage(file.read_bytes()))


async def submit(running: InProcess, audio: bytes = b"", **params: str) -> str:
    answer = await running.client.post("/jobs", content=audio, params=params)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def ended(running: InProcess, job: str) -> dict[str, Any]:
    found: dict[str, Any] = (await running.client.get(f"/jobs/{job}?wait=60")).json()
    return found


async def text_of(running: InProcess, job: str) -> str:
    assert (await ended(running, job))["status"] == "completed"
    return str((await running.client.get(f"/jobs/{job}/result")).json()["text"])


@on_event_loop
async def test_damaged_emissions_are_encoded_again(tmp_path: Path) -> None:
    async with in_process(model=LoudnessModel(), data=tmp_path / "unbroken") as running:
        await running.until("ready")
        expected = await text_of(running, await submit(running, _LONG))
    assert len(expected.split()) > 200
    model = LoudnessModel()
    async with in_process(model=model, data=tmp_path / "data") as running:
        await running.until("ready")
        whole = await submit(running, _LONG)
        await ended(running, whole)
        windows = model.windows
        model.limit, model.windows = windows - 1, 0
        model.gate.clear()
        job = await submit(running, _LONG)
        folder = tmp_path / "data/jobs" / job / "emissions"
        await wait_for(lambda: folder.is_dir() and any(folder.glob("[!.]*")))
    kept = [file.name for file in folder.glob("[!.]*")]
    for damage in (None, cut, scribbled, emptied):
        data = tmp_path / (damage.__name__ if damage else "as it was")
        shutil.copytree(tmp_path / "data", data)
        if damage is not None:
            for name in kept:
                change(data / "jobs" / job / "emissions" / name, damage)
        model = LoudnessModel()
        async with in_process(model=model, data=data) as running:
            assert await text_of(running, job) == expected
        assert (model.windows < windows) == (damage is None)


@damages
@on_event_loop
async def test_damaged_result_is_an_error_that_says_so(
    tmp_path: Path, clip: Callable[..., bytes], damage: Damage
) -> None:
    async with in_process(data=tmp_path) as running:
        await running.until("ready")
        job = await submit(running, clip())
        assert await text_of(running, job) == "a"
        change(tmp_path / "jobs" / job / "result.json", damage)
        answer = await running.client.get(f"/jobs/{job}/result")
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "job_damaged"
        assert "submit the recording again" in answer.json()["error"]["message"]
        assert (await running.client.delete(f"/jobs/{job}")).status_code == 204


@damages
@on_event_loop
async def test_damaged_recording_fails_its_job(
    tmp_path: Path, clip: Callable[..., bytes], damage: Damage
) -> None:
    async with in_process(data=tmp_path) as running:
        await running.until("ready")
        running.model.gate.clear()
        # Two of an owner are worked on at once, so the third has not been read yet.
        *before, job = [await submit(running, clip(number)) for number in range(3)]
        change(tmp_path / "jobs" / job / "audio", damage)
        running.model.gate.set()
        failed = await ended(running, job)
        assert failed["status"] == "failed"
        assert failed["error"]["code"] == "job_damaged"
        answer = await running.client.get(f"/jobs/{job}/result")
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "job_damaged")
        for other in before:
            assert await text_of(running, other) == "a"


@on_event_loop
async def test_damaged_recording_of_a_url_is_fetched_again(
    tmp_path: Path, clip: Callable[..., bytes]
) -> None:
    with web_server({"/a.wav": clip()}) as web:
        settings: dict[str, Any] = {
            "data": tmp_path, "url_hosts": f"internal!http://127.0.0.1:{web.port}",
        }  # fmt: skip
        async with in_process(**settings) as running:
            await running.until("ready")
            running.model.gate.clear()
            job = await submit(running, url=web.url("/a.wav"))
            engine = running.service.engine
            await wait_for(lambda: engine.status().running > 0)
        change(tmp_path / "jobs" / job / "audio", scribbled)
        assert len(web.requests) == 1
        async with in_process(**settings) as running:
            assert await text_of(running, job) == "a"
        assert len(web.requests) == 2
