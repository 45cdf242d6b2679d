"""Language models that are added, replaced or removed while the service runs."""

import os
import time
from pathlib import Path

from event_loops import on_event_loop
from in_process import in_process
from ngrams import write_language_model
from sounds import as_wav, tones

CLIP = as_wav(tones(0, 1.0))


def written(folder: Path, sentences: list[str]) -> Path:
    return write_language_model(folder, sentences, order=2)


@on_event_loop
async def test_language_models_are_noticed_with_the_next_request(tmp_path: Path) -> None:
    written(tmp_path / "language_model", ["a", "a a"])
    async with in_process(folder=tmp_path, data=tmp_path / "data") as running:
        await running.until("ready")

        async def status(name: str) -> int:
            answer = await running.client.post(f"/transcribe?lm={name}", content=CLIP)
            return int(answer.status_code)

        async def names() -> list[str]:
            [model] = (await running.client.get("/health")).json()["models"]
            return list(model["language_models"])

        assert (await status("news"), await names()) == (400, ["default"])
        written(tmp_path / "language_models" / ".news-being-written", ["a", "a a"])
        assert (await status(".news-being-written"), await names()) == (400, ["default"])
        named = tmp_path / "language_models" / "news"
        named.with_name(".news-being-written").rename(named)
        assert (await status("news"), await names()) == (200, ["default", "news"])
        # Long ago, so that only a changed time can show that something is new.
        past = time.time() - 3600
        os.utime(named.parent, (past, past))
        assert await status("news") == 200
        damaged = written(tmp_path / "another", ["a", "a a"])
        [file] = damaged.glob("*.arpa")
        file.write_bytes(file.read_bytes()[:40])
        named.rename(tmp_path / "former")
        damaged.rename(named)
        assert await status("news") == 500
        named.rename(tmp_path / "damaged")
        (tmp_path / "former").rename(named)
        assert (await status("news"), await names()) == (200, ["default", "news"])
        named.rename(tmp_path / "removed")
        assert (await status("news"), await names()) == (200, ["default", "news"])
