"""What a vosk client is told when its stream ends before its audio does."""

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
    """Hears one message of audio, then ends with some last events and an error."""

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
        self.asked: list[LiveOptions] = []

    async def open(self, options: LiveOptions) -> LiveStream:
        self.asked.append(options)
        return cast("LiveStream", self.waiting.pop(0))


def session(*streams: EndingStream) -> VoskSession:
    context = ProtocolContext(cast("Any", None), cast("Any", Streams(*streams)), Telemetry())
    talking = VoskSession(context, "id")
    talking.config = talking.config.updated({"sample_rate": 16_000, "words": False})
    return talking


STOPPING = UnavailableError("The service is stopping.", code="draining")


def test_the_last_words_are_told_before_the_error() -> None:
    async def talk() -> None:
        stream = EndingStream(STOPPING, FINAL)
        talking = session(stream)
        assert '"partial"' in await talking.accept_waveform(PCM)
        assert await talking.accept_waveform(PCM) == JA
        with pytest.raises(UnavailableError):
            await talking.accept_waveform(PCM)
        await talking.close()
        assert stream.closed

    asyncio.run(talk())


def test_an_end_that_comes_too_late_gets_what_was_heard_and_then_the_error() -> None:
    async def talk() -> None:
        talking = session(EndingStream(STOPPING, FINAL))
        await talking.accept_waveform(PCM)
        talking.raise_failure()
        assert await talking.process_text('{"eof" : 1}') == (JA, True)
        with pytest.raises(UnavailableError):
            talking.raise_failure()

    asyncio.run(talk())


def test_an_end_of_a_stream_that_heard_nothing_is_the_error() -> None:
    async def talk() -> None:
        talking = session(EndingStream(STOPPING))
        await talking.accept_waveform(PCM)
        with pytest.raises(UnavailableError):
            await talking.process_text('{"eof" : 1}')
        await talking.close()

    asyncio.run(talk())


def test_a_long_silence_of_the_client_is_no_error_to_it() -> None:
    async def talk() -> None:
        idle = StreamIdleError("No audio came.")
        first, second = EndingStream(idle), EndingStream(idle)
        talking = session(first, second)
        await talking.accept_waveform(PCM)
        assert '"partial"' in await talking.accept_waveform(PCM)
        assert first.closed
        assert talking.seconds == pytest.approx(first.received_seconds + second.received_seconds)
        assert await talking.process_text('{"eof" : 1}') == ('{"text": ""}', True)
        talking.raise_failure()
        assert second.closed

    asyncio.run(talk())


def test_a_stream_that_ends_while_its_client_is_silent_is_told_and_let_go() -> None:
    async def talk() -> None:
        stream = EndingStream(STOPPING, FINAL)
        talking = session(stream)
        assert talking.ended is None
        await talking.accept_waveform(PCM)
        assert talking.ended is not None
        stream.ended.set()
        await asyncio.wait({talking.ended})
        assert await talking.drop_ended() == JA
        assert stream.closed
        assert talking.ended is None
        with pytest.raises(UnavailableError):
            talking.raise_failure()

    asyncio.run(talk())


def test_words_before_a_long_silence_are_the_reply_to_what_comes_next() -> None:
    async def talk() -> None:
        idle = StreamIdleError("No audio came.")
        first, second = EndingStream(idle, FINAL), EndingStream(idle, FINAL)
        talking = session(first, second)
        talking.config = talking.config.updated({"words": True})
        await talking.accept_waveform(PCM)
        first.ended.set()
        assert talking.ended is not None
        await asyncio.wait({talking.ended})
        assert await talking.drop_ended() is None
        assert first.closed
        assert talking.ended is None
        before = json.loads(await talking.accept_waveform(PCM))
        assert second.received
        after, last = await talking.process_text('{"reset" : 1}')
        assert not last
        assert after is not None
        starts = [result["result"][0]["start"] for result in (before, json.loads(after))]
        assert starts == [0.5, pytest.approx(0.5 + first.received_seconds)]
        talking.raise_failure()

    asyncio.run(talk())
