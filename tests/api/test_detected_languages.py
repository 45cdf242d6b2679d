"""Detection of the language where there is little to choose from, over HTTP in this process."""

import asyncio

import numpy as np
import pytest
from in_process import in_process
from sounds import as_wav, tones


@pytest.mark.parametrize("language", ["auto", "auto-each"])
def test_only_language_is_certain_and_costs_no_scoring(language: str) -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            body = as_wav(tones(0, 4.0))
            named, found = [
                (await running.client.post("/transcribe", content=body, params=query)).json()
                for query in ({"language": "nb"}, {"language": language})
            ]
            assert (found["language"], found["language_probability"]) == ("nb", 1.0)
            assert found["languages"] == [
                {"language": "nb", "model": "scripted", "probability": 1.0}
            ]
            assert found["text"] == named["text"] != ""
            assert not {"language_probability", "languages"} & named.keys()
            metrics = (await running.client.get("/metrics")).text
            stage = 'nordlyd_stage_seconds_count{stage="detect_language"}'
            assert f"{stage} 1.0" in metrics
            # One encoding for each request.
            assert 'nordlyd_audio_seconds_total{model="scripted"} 8.0' in metrics

    asyncio.run(run())


def test_only_model_without_declared_languages_answers_with_none() -> None:
    async def run() -> None:
        async with in_process(languages=()) as running:
            await running.until("ready")
            answer = await running.client.post(
                "/transcribe", content=as_wav(tones(0, 2.0)), params={"language": "auto"}
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["language"] == "und"

    asyncio.run(run())


def test_silence_is_not_encoded_to_detect_its_language() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.failure = AssertionError("the encoder was called")
            silence = as_wav(np.zeros(32_000, dtype=np.float32))
            answer = await running.client.post(
                "/transcribe", content=silence, params={"language": "auto-each"}
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["segments"] == []

    asyncio.run(run())


def test_language_of_assemblyai_transcripts_is_not_detected() -> None:
    async def run() -> None:
        async with in_process(url_hosts=["a.example"]) as running:
            await running.until("ready")
            answer = await running.client.post(
                "/v2/transcript",
                json={"audio_url": "https://a.example/a.wav", "language_code": "auto"},
            )
            assert answer.status_code == 400, answer.text
            assert "no language is detected here" in answer.text

    asyncio.run(run())
