"""How a request chooses its decoder over HTTP, and which one the answer reports."""

import asyncio
from pathlib import Path

from in_process import in_process
from ngrams import write_language_model
from sounds import as_wav, tones

CLIP = as_wav(tones(0, 1.0))


def test_answer_names_decoder_and_language_model(tmp_path: Path) -> None:
    write_language_model(tmp_path / "language_model", ["a", "a a"], order=2)
    write_language_model(tmp_path / "language_models" / "news", ["a", "a a"], order=2)

    async def run() -> None:
        async with in_process(folder=tmp_path) as running:
            await running.until("ready")

            async def transcribe(**parameters: object) -> tuple[str, str | None]:
                answer = await running.client.post("/transcribe", params=parameters, content=CLIP)
                assert answer.status_code == 200, answer.text
                body = answer.json()
                assert body["text"] == "a"
                assert "alternatives" not in body
                return body["decoder"], body["lm"]

            assert await transcribe() == ("beam", "default")
            assert await transcribe(decoder="greedy") == ("greedy", None)
            assert await transcribe(decoder="greedy+lm") == ("greedy+lm", "default")
            assert await transcribe(lm="news", alpha=0.1, beta=2) == ("beam", "news")
            assert await transcribe(hotwords="a:3, b b:-1,c", beam_width=7) == ("beam", "default")
            wrong = await running.client.post("/transcribe?lm=sport", content=CLIP)
            assert wrong.status_code == 400
            error = wrong.json()["error"]
            assert error["param"] == "lm"
            assert "default, news" in error["message"]

    asyncio.run(run())


def test_answer_without_language_model_has_null() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            post = running.client.post
            plain = (await post("/transcribe", content=CLIP)).json()
            assert (plain["decoder"], plain["lm"]) == ("greedy", None)
            beam = (await post("/transcribe?decoder=beam", content=CLIP)).json()
            assert (beam["decoder"], beam["lm"]) == ("beam", None)
            assert beam["text"] == plain["text"]

    asyncio.run(run())


def test_alternatives_are_listed_best_first() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            answer = await running.client.post(
                "/transcribe", params={"n_best": 3, "min_token_logp": -100, "prune_logp": -100},
                content=CLIP,
            )  # fmt: skip
            body = answer.json()
            hypotheses = body["alternatives"]
            assert len(hypotheses) == 3
            assert hypotheses[0]["text"] == body["text"]
            assert hypotheses[0]["words"] == body["words"]
            scores = [hypothesis["score"] for hypothesis in hypotheses]
            assert scores == sorted(scores, reverse=True)
            assert len({hypothesis["text"] for hypothesis in hypotheses}) == 3
            without = await running.client.post("/transcribe?n_best=2&words=false", content=CLIP)
            assert without.json()["alternatives"][0]["words"] == []

    asyncio.run(run())


def test_silence_has_one_empty_alternative() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            answer = await running.client.post(
                "/transcribe?n_best=3&encoding=s16le&rate=16000", content=bytes(32_000)
            )
            body = answer.json()
            assert (body["text"], body["decoder"]) == ("", "beam")
            assert [hypothesis["text"] for hypothesis in body["alternatives"]] == [""]

    asyncio.run(run())
