"""A damaged language model that requests name: an error in each protocol; others are served."""

import json
from pathlib import Path

import pytest
import soundfile
from demo_model import DEMO
from event_loops import on_event_loop
from in_process import in_process
from ngrams import write_language_model
from on_loopback import serving
from sounds import as_wav, tones
from websockets.asyncio.client import connect

CLIP = as_wav(tones(0, 1.0))
CODE = "language_model_failed"


def folder_with_damage(folder: Path) -> Path:
    """Returns a model's folder with a good language model, and with the damaged one `news`."""
    write_language_model(folder / "language_model", ["a", "a a"], order=2)
    news = write_language_model(folder / "language_models" / "news", ["a", "a a"], order=2)
    [file] = news.glob("*.arpa")
    file.write_bytes(file.read_bytes()[:40])
    return folder


@on_event_loop
async def test_each_protocol_reports_a_damaged_language_model_and_serves_others(
    tmp_path: Path,
) -> None:
    async with in_process(folder=folder_with_damage(tmp_path), data=tmp_path / "data") as running:
        await running.until("ready")
        post = running.client.post
        for _ in range(2):
            answer = await post("/transcribe?lm=news", content=CLIP)
            assert answer.status_code == 500
            error = answer.json()["error"]
            assert (error["code"], error["param"]) == (CODE, "lm")
            assert "accepted: default" in error["message"]
            assert str(tmp_path) not in error["message"]
        form = {"model": "scripted", "lm": "news"}
        answer = await post("/v1/audio/transcriptions", files={"file": CLIP}, data=form)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, CODE)
        [model] = (await running.client.get("/health")).json()["models"]
        assert model["language_models"] == ["default"]
        assert model["damaged_language_models"] == ["news"]
        answer = await post("/transcribe?lm=default", content=CLIP)
        assert (answer.status_code, answer.json()["lm"]) == (200, "default")
        assert (await running.client.get("/health/ready")).status_code == 200


@on_event_loop
async def test_language_model_is_served_once_its_files_are_whole_again(tmp_path: Path) -> None:
    async with in_process(folder=folder_with_damage(tmp_path)) as running:
        await running.until("ready")
        post = running.client.post
        assert (await post("/transcribe?lm=news", content=CLIP)).status_code == 500
        write_language_model(tmp_path / "new", ["a", "a a"], order=2)
        for file in (tmp_path / "new").iterdir():
            file.rename(tmp_path / "language_models" / "news" / file.name)
        answer = await post("/transcribe?lm=news", content=CLIP)
        assert (answer.status_code, answer.json()["lm"]) == (200, "news")
        [model] = (await running.client.get("/health")).json()["models"]
        assert model["damaged_language_models"] == []


@pytest.mark.long
@on_event_loop
async def test_job_and_live_stream_end_with_the_error(tmp_path: Path) -> None:
    speech, _ = soundfile.read(DEMO / "samples" / "sample-2.flac", dtype="int16")
    async with serving(folder=folder_with_damage(tmp_path)) as (running, client):
        url = f"ws://{client.base_url.netloc.decode()}/stream?lm=news"
        async with connect(url) as socket:
            await socket.send(speech.tobytes())
            await socket.send(json.dumps({"type": "end"}))
            while (message := json.loads(await socket.recv()))["type"] != "error":
                pass
        assert message["error"]["code"] == CODE
        answer = await running.client.post("/transcribe", content=CLIP)
        assert answer.json()["lm"] == "default"
    # Another one, of which nothing is known before the job begins.
    async with in_process(folder=folder_with_damage(tmp_path / "another")) as running:
        await running.until("ready")
        job = (await running.client.post("/jobs", content=CLIP, params={"lm": "news"})).json()
        ended = (await running.client.get(f"/jobs/{job['id']}?wait=20")).json()
        assert (ended["status"], ended["error"]["code"]) == ("failed", CODE)
