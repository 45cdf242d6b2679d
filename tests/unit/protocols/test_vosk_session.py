"""The replies to a vosk client whose stream ends before its audio does."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import numpy as np
import pytest

from app.errors import NordlydError, StreamIdleError, UnavailableError
from app.protocols import ProtocolContext
from app.protocols.vosk_session import VoskSession
from app.streaming import FinalResult, LiveEvent, LiveOptions, LiveStream, LiveWord
from app.telemetry import Telemetry

FINAL = FinalResult(0, 0.0, 1.0, (LiveWord("ja", 0.5, 0.75, 1.0, stable=True),), 1.0)
JA = '{\n  "text" : "ja"\n}'
PCM = b"\1\0" * 1_600


class EndingStream:
    """Accepts one message of audio, then ends with some last events and an error."""

    session, model, language = "s", "m", "nb"

    def __init__(self, error: NordlydError, *events: LiveEvent) -> None:
        self.error = error
        self.last = events
        self.received = 0
        self.ended = asyncio.Event()
        self.closed = False

    @property
    def received_seconds(self) -> float:
        return self.received / 16_000

    async def push(self, samples: np.ndarray) -> None:
        if self.received:
            self.ended.set()
            raise self.error
        self.received += len(samples)

    async def finish(self) -> None:
        self.ended.set()

    async def events(self) -> AsyncIterator[LiveEvent]:
        await self.ended.wait()
        for event in self.last:
            yield event
        raise self.error

    async def close(self) -> None:
        self.closed = True


class Streams:
    """Opens the streams it was given, in order."""

    def __init__(self, *streams: EndingStream) -> None:
        self.waiting = list(streams)
        self.requested: list[LiveOptions] = []

    async def open(self, options: LiveOptions) -> LiveStream:
        self.requested.append(options)
        return cast("LiveStream", self.waiting.pop(0))


def session(*streams: EndingStream) -> VoskSession:
    context = ProtocolContext(cast("Any", None), cast("Any", Streams(*streams)), Telemetry())
    vosk = VoskSession(context, "id")
    vosk.config = vosk.config.updated({"sample_rate": 16_000, "words": False})
    return vosk


STOPPING = UnavailableError("The service is stopping.", code="draining")


def test_last_words_are_replied_before_the_error() -> None:
    async def run() -> None:
        stream = EndingStream(STOPPING, FINAL)
        vosk = session(stream)
        assert '"partial"' in await vosk.accept_waveform(PCM)
        assert await vosk.accept_waveform(PCM) == JA
        with pytest.raises(UnavailableError):
            await vosk.accept_waveform(PCM)
        await vosk.close()
        assert stream.closed

    asyncio.run(run())


def test_eof_after_a_failure_gets_the_last_words_and_then_the_error() -> None:
    async def run() -> None:
        vosk = session(EndingStream(STOPPING, FINAL))
        await vosk.accept_waveform(PCM)
        vosk.raise_failure()
        assert await vosk.process_text('{"eof" : 1}') == (JA, True)
        with pytest.raises(UnavailableError):
            vosk.raise_failure()

    asyncio.run(run())


def test_eof_after_a_failure_without_words_is_the_error() -> None:
    async def run() -> None:
        vosk = session(EndingStream(STOPPING))
        await vosk.accept_waveform(PCM)
        with pytest.raises(UnavailableError):
            await vosk.process_text('{"eof" : 1}')
        await vosk.close()

    asyncio.run(run())


def test_audio_after_an_idle_stream_opens_another_one() -> None:
    async def run() -> None:
        idle = StreamIdleError("No audio came.")
        first, second = EndingStream(idle), EndingStream(idle)
        vosk = session(first, second)
        await vosk.accept_waveform(PCM)
        assert '"partial"' in await vosk.accept_waveform(PCM)
        assert first.closed
        assert vosk.seconds == pytest.approx(first.received_seconds + second.received_seconds)
        assert await vosk.process_text('{"eof" : 1}') == ('{"text": ""}', True)
        vosk.raise_failure()
        assert second.closed

    asyncio.run(run())


def test_stream_that_fails_while_the_client_is_silent_is_reported_and_closed() -> None:
    async def run() -> None:
        stream = EndingStream(STOPPING, FINAL)
        vosk = session(stream)
        assert vosk.ended is None
        await vosk.accept_waveform(PCM)
        assert vosk.ended is not None
        stream.ended.set()
        await asyncio.wait({vosk.ended})
        assert await vosk.drop_ended() == JA
        assert stream.closed
        assert vosk.ended is None
        with pytest.raises(UnavailableError):
            vosk.raise_failure()

    asyncio.run(run())


def test_words_before_an_idle_stream_are_the_next_reply() -> None:
    async def run() -> None:
        idle = StreamIdleError("No audio came.")
        first, second = EndingStream(idle, FINAL), EndingStream(idle, FINAL)
        vosk = session(first, second)
        vosk.config = vosk.config.updated({"words": True})
        await vosk.accept_waveform(PCM)
        first.ended.set()
        assert vosk.ended is not None
        await asyncio.wait({vosk.ended})
        assert await vosk.drop_ended() is None
        assert first.closed
        assert vosk.ended is None
        before = json.loads(await vosk.accept_waveform(PCM))
        assert second.received
        after, last = await vosk.process_text('{"reset" : 1}')
        assert not last
        assert after is not None
        starts = [result["result"][0]["start"] for result in (before, json.loads(after))]
        assert starts == [0.5, pytest.approx(0.5 + first.received_seconds)]
        vosk.raise_failure()

    asyncio.run(run())
