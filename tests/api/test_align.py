"""POST /align over a model that recognises one long a: answers and refusals."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from in_process import InProcess, in_process
from sounds import as_wav, tones

WAV = as_wav(tones(0, 2.0))


def answer_to(send: Callable[[InProcess], Awaitable[httpx.Response]]) -> httpx.Response:
    async def run() -> httpx.Response:
        async with in_process() as running:
            await running.until("ready")
            return await send(running)

    return asyncio.run(run())


def post(**fields: str) -> httpx.Response:
    return answer_to(
        lambda running: running.client.post("/align", files={"file": WAV}, data=fields)
    )


def test_aligned_words_are_as_written() -> None:
    answer = post(text=" «A!»\n– b ")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    first, second = body["words"]
    assert first["word"] == "«A!» –"
    assert first["found"]
    assert first["score"] == pytest.approx(1.0, abs=1e-3)
    assert 0 <= first["start"] < first["end"] <= body["duration"] == 2.0
    # The model has no token for b: that word may align with anything else.
    assert (second["word"], second["found"], second["score"]) == ("b", False, 0.0)
    assert "characters" not in second
    assert (body["language"], body["model"]) == ("nb", "scripted")
    assert body["request_id"] == answer.headers["x-request-id"]
    assert int(answer.headers["x-compute-time"]) >= 0


def test_characters_are_listed_on_request() -> None:
    (word,) = post(text="(A)", characters="true").json()["words"]
    assert word["characters"] == [{"text": "A", "start": word["start"], "end": word["end"]}]


def test_silent_recording_has_no_words_found() -> None:
    silence = as_wav(tones(0, 1.0) * 0)
    body = answer_to(
        lambda running: running.client.post("/align", files={"file": silence}, data={"text": "a"})
    ).json()
    assert [word["found"] for word in body["words"]] == [False]


@pytest.mark.parametrize(
    ("fields", "status", "param", "message"),
    [
        ({}, 400, "text", "There is no `text`"),
        ({"text": "a", "lang": "nb"}, 400, "lang", "accepted: file, text, model, language"),
        ({"text": "a", "characters": "maybe"}, 400, "characters", "true, false"),
        ({"text": "a", "language": "sv"}, 404, None, "sv"),
        ({"text": "a", "model": "none"}, 404, None, "none"),
        ({"text": "a", "timeout": "0"}, 400, "timeout", "greater than 0"),
    ],
)
def test_wrong_request_is_refused_with_its_param(
    fields: dict[str, str], status: int, param: str | None, message: str
) -> None:
    answer = post(**fields)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert message in error["message"]
    assert param is None or error["param"] == param


def test_form_without_file_is_refused() -> None:
    answer = answer_to(lambda running: running.client.post("/align", files={"text": (None, "a")}))
    assert answer.status_code == 400
    assert "`file`" in answer.json()["error"]["message"]


def test_word_boundaries_follow_the_calibration(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text(
        '{"boundaries": {"gaps": [0.0], "leads": [-0.5], "tails": [-0.25], "letter_leads": {}, '
        '"letter_tails": {}}, "confidence": {"greedy": {"posteriors": [0.5], "shares": [0.625]}}}'
    )

    async def run() -> tuple[dict, dict]:
        async with in_process(folder=tmp_path) as running:
            await running.until("ready")
            files = {"file": WAV}
            aligned = await running.client.post("/align", files=files, data={"text": "a"})
            transcribed = await running.client.post("/transcribe", files=files)
            return aligned.json()["words"][0], transcribed.json()["words"][0]

    aligned, transcribed = asyncio.run(run())
    for word in (aligned, transcribed):
        assert word["start"] == pytest.approx(0.5)
        assert 1.6 < word["end"] < 1.8
    assert transcribed["confidence"] == 0.625
