"""The pipeline itself: progress, cancellation, deadlines, and files that are closed in time."""

import asyncio
import io
import time

import numpy as np
import pytest
import troubled_handlers
from in_process import in_process, wait_for
from sounds import as_wav, tones

from app.audio.workers import MediaPool, PoolOptions
from app.errors import DeadlineExceededError
from app.pipeline import TranscriptionRequest


def test_progress_callback_is_called_for_every_window() -> None:
    async def run() -> None:
        async with in_process(window_seconds=5.0, context_seconds=1.3) as running:
            await running.until("ready")
            calls: list[tuple[int, int]] = []
            source = io.BytesIO(as_wav(tones(0, 20.0)))
            transcript = await running.service.transcriber.transcribe(
                TranscriptionRequest(source, "here", running.service.transcriber.route()),
                progress=lambda done, total: calls.append((done, total)),
            )
            windows = calls[-1][1]
            assert windows > 4
            assert calls == [(number, windows) for number in range(1, windows + 1)]
            assert transcript.duration == 20.0
            assert transcript.segments[-1].end <= 20.0
            assert source.closed

    asyncio.run(run())


@pytest.mark.parametrize("deadline", [False, True])
def test_cancelled_or_late_request_stops_its_decoding(deadline: bool) -> None:
    async def run() -> None:
        media = MediaPool(PoolOptions(handlers="troubled_handlers"))
        async with in_process(media=media) as running:
            await running.until("ready")
            source = io.BytesIO(troubled_handlers.HANG)
            limit = time.monotonic() + 0.5 if deadline else None
            request = TranscriptionRequest(
                source, "here", running.service.transcriber.route(), deadline=limit
            )
            work = asyncio.create_task(running.service.transcriber.transcribe(request))
            await wait_for(lambda: media.decoded.used > 0)
            assert source.closed
            if not deadline:
                work.cancel()
            with pytest.raises(DeadlineExceededError if deadline else asyncio.CancelledError):
                await work
            await wait_for(lambda: media.decoded.used == 0)

    asyncio.run(run())


def test_file_that_cannot_be_decoded_is_closed() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            source = io.BytesIO(b"no audio")
            with pytest.raises(Exception, match="text"):
                await running.service.transcriber.transcribe(
                    TranscriptionRequest(source, "here", running.service.transcriber.route())
                )
            await wait_for(lambda: source.closed)

    asyncio.run(run())


def test_silence_is_not_encoded() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            running.model.failure = AssertionError("the encoder was called")
            source = io.BytesIO(as_wav(np.zeros(48_000, dtype=np.float32)))
            transcript = await running.service.transcriber.transcribe(
                TranscriptionRequest(source, "here", running.service.transcriber.route())
            )
            assert (transcript.text, transcript.segments) == ("", ())
            assert transcript.duration == 3.0
            assert transcript.timing.real_time_factor > 0

    asyncio.run(run())


@pytest.mark.parametrize(("languages", "codes"), [((), ["language_undeclared"]), (("nb",), [])])
def test_answer_warns_that_its_language_was_not_declared(
    languages: tuple[str, ...], codes: list[str]
) -> None:
    async def run() -> None:
        async with in_process(languages=languages) as running:
            await running.until("ready")
            transcriber = running.service.transcriber
            wav = as_wav(tones(0, 1.0))
            transcript = await transcriber.transcribe(
                TranscriptionRequest(io.BytesIO(wav), "here", transcriber.route(None, "nb"))
            )
            aligned = await transcriber.align(
                TranscriptionRequest(io.BytesIO(wav), "there", transcriber.route(None, "nb")), "a"
            )
            for answer in (transcript, aligned):
                assert [notice.code for notice in answer.warnings] == codes
                assert answer.language == "nb"

    asyncio.run(run())
