"""Text that is emitted while a recording is still being encoded, by a model with a set pace."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager

import numpy as np
import openai
import pytest
from in_process import InProcess, ScriptedModel, in_process, wait_for
from on_loopback import serving
from sounds import RATE, as_wav
from starlette.requests import Request

from app.api.openai.streaming import EventResponse, TranscriptEvents
from app.errors import NordlydError
from app.itn import FormattingOptions
from app.pipeline import Transcriber, TranscriptionRequest
from app.pipeline.incremental import TextDelta


class StutteringModel(ScriptedModel):
    """Recognises "a" in each burst of sound; after `windows` windows it waits for its gate."""

    def __init__(self, windows: int) -> None:
        super().__init__()
        self.windows = windows
        self.encoded = 0

    def encode(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        if self.encoded >= self.windows:
            super().encode(windows)
        self.encoded += len(windows)
        return [self._encode_window(window) for window in windows]

    def _encode_window(self, window: np.ndarray) -> np.ndarray:
        frames = self.frames(len(window))
        parts = np.abs(window[: frames * self.hop]).reshape(frames, self.hop)
        tokens = np.where(parts.max(axis=1) > 0.1, 2, 1)
        emissions = np.full((frames, 3), np.log(1e-9), np.float32)
        emissions[np.arange(frames), tokens] = 0.0
        return emissions


def bursts(seconds: float) -> bytes:
    """Half a second of sound every one and a half seconds."""
    time = np.arange(round(seconds * RATE)) / RATE
    return as_wav(np.where(time % 1.5 < 0.5, 0.5 * np.sin(2000 * time), 0).astype(np.float32))


def a_minute(transcriber: Transcriber, *, format_text: bool = False) -> TranscriptionRequest:
    """A request of a minute in ten windows or so."""
    route = transcriber.route(formatting=FormattingOptions() if format_text else None)
    return TranscriptionRequest(io.BytesIO(bursts(60.0)), "here", route)


# A window at a time.
SIZES = {"window_seconds": 8.0, "context_seconds": 1.3, "batch_seconds": 8.0}


@asynccontextmanager
async def running(model: StutteringModel) -> AsyncIterator[InProcess]:
    async with in_process(model=model, **SIZES) as started:
        await started.until("ready")
        model.encoded = 0
        yield started


def begun(started: InProcess, *, heartbeat: float = 20.0) -> TranscriptEvents:
    """The events of a request whose client stays."""

    async def stays() -> dict[str, object]:
        await asyncio.sleep(20)
        return {"type": "http.disconnect"}

    scope = {"type": "http", "state": {}, "path": "/", "headers": []}
    return TranscriptEvents(
        Request(scope, stays),
        started.service,
        a_minute(started.service.transcriber),
        logprobs=False,
        heartbeat=heartbeat,
    )


@pytest.mark.parametrize("format_text", [False, True])
def test_deltas_arrive_before_the_recording_is_encoded(format_text: bool) -> None:
    async def run() -> None:
        model = StutteringModel(windows=3)
        async with running(model) as started:
            transcriber = started.service.transcriber
            model.gate.clear()
            deltas: list[TextDelta] = []
            work = asyncio.create_task(
                transcriber.transcribe(
                    a_minute(transcriber, format_text=format_text), on_text=deltas.append
                )
            )
            await wait_for(lambda: len(deltas) > 0)
            assert not work.done()
            assert not model.gate.is_set()
            model.gate.set()
            transcript = await work
            whole = await transcriber.transcribe(a_minute(transcriber, format_text=format_text))
            text = "".join(delta.text for delta in deltas)
            assert len(deltas) > 3
            assert text == whole.written_text
            assert transcript.words == whole.words
            assert transcript.formatted_segments == whole.formatted_segments
            assert transcript.segments == whole.segments
            assert (transcript.decoder, transcript.lm) == ("greedy", None)

    asyncio.run(run())


def test_silence_and_a_click_have_no_deltas() -> None:
    async def run() -> None:
        async with running(StutteringModel(windows=99)) as started:
            for seconds in (0.005, 30.0):
                deltas: list[TextDelta] = []
                source = io.BytesIO(as_wav(np.zeros(round(seconds * RATE), np.float32)))
                transcript = await started.service.transcriber.transcribe(
                    TranscriptionRequest(source, "here", started.service.transcriber.route()),
                    on_text=deltas.append,
                )
                assert (transcript.text, deltas) == ("", [])

    asyncio.run(run())


def test_stream_without_events_sends_heartbeats() -> None:
    async def run() -> None:
        model = StutteringModel(windows=3)
        async with running(model) as started:
            model.gate.clear()
            events = begun(started, heartbeat=0.05)
            await events.begin()
            sent = []
            async for text in events:
                sent.append(text)
                if sum(part.startswith(":") for part in sent) == 3:
                    model.gate.set()
            assert all(text.endswith("\n\n") for text in sent)
            kinds = [json.loads(text[6:])["type"] for text in sent if text.startswith("data: ")]
            assert kinds[-1] == "transcript.text.done"
            assert set(kinds[:-1]) == {"transcript.text.delta"}

    asyncio.run(run())


def test_failure_after_the_first_delta_is_the_last_event() -> None:
    async def run() -> None:
        model = StutteringModel(windows=3)
        async with running(model) as started:
            model.gate.clear()
            events = begun(started)
            await events.begin()
            model.failure = RuntimeError("out of order")
            model.gate.set()
            sent = [json.loads(text.removeprefix("data: ")) async for text in events]
            assert [event.get("type") for event in sent[:-1]] == ["transcript.text.delta"] * (
                len(sent) - 1
            )
            assert len(sent) > 1
            error = sent[-1]["error"]
            assert set(error) == {"message", "type", "param", "code"}
            assert error["code"] == "encoding_failed"

    asyncio.run(run())


def test_client_raises_the_error_event() -> None:
    async def run() -> None:
        model = StutteringModel(windows=3)
        async with serving(model=model, **SIZES) as (started, client):
            model.encoded = 0
            model.gate.clear()
            stream = await client.audio.transcriptions.create(
                file=bursts(60.0), model="whisper-1", stream=True
            )
            first = await anext(aiter(stream))
            assert first.type == "transcript.text.delta"
            model.failure = RuntimeError("out of order")
            model.gate.set()
            with pytest.raises(openai.APIError) as failed:
                await asyncio.wait_for(drained(stream), 20)
            assert (failed.value.code, failed.value.type) == ("encoding_failed", "server_error")
            await wait_for(lambda: started.service.idle)

    async def drained(stream: AsyncIterator[object]) -> None:
        async for _ in stream:
            pass

    asyncio.run(run())


def test_failure_before_the_first_event_has_a_status() -> None:
    async def run() -> None:
        model = StutteringModel(windows=0)
        async with running(model) as started:
            model.failure = RuntimeError("out of order")
            with pytest.raises(NordlydError) as caught:
                await begun(started).begin()
            assert caught.value.code == "encoding_failed"

    asyncio.run(run())


def test_disconnect_cancels_the_work_and_frees_its_slot() -> None:
    async def run() -> None:
        model = StutteringModel(windows=3)
        async with running(model) as started:
            model.gate.clear()
            service = started.service
            events = begun(started)
            hold = ExitStack()
            hold.enter_context(service.admit())
            await events.begin()
            sent: list[str] = []

            async def receive() -> dict[str, object]:
                await wait_for(lambda: len(sent) > 1)
                return {"type": "http.disconnect"}

            async def send(message: dict[str, object]) -> None:
                sent.append(str(message["type"]))

            assert not service.idle
            response = EventResponse(events, hold)
            await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)  # type: ignore[arg-type]
            assert sent[:2] == ["http.response.start", "http.response.body"]
            assert service.idle
            await wait_for(lambda: service.engine.status().queued_windows == 0)
            model.gate.set()

    asyncio.run(run())
