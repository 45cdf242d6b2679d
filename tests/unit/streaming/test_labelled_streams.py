"""Live streams whose final results have speakers."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from event_loops import on_event_loop

from app.audio import SAMPLE_RATE, Samples
from app.errors import InvalidRequestError
from app.speakers import Embedding
from app.streaming import (
    FinalResult,
    LabelledStreams,
    LiveEvent,
    LiveOptions,
    LiveStream,
    LiveWord,
    SpeechStarted,
)

LOW, HIGH = np.eye(2, 192, dtype=np.float32)
DIARIZED = LiveOptions("id", diarize=True)


class Voices:
    """Takes quiet sounds for one voice and loud ones for another."""

    def __init__(self, *, missing: bool = False) -> None:
        self.missing = missing
        self.lengths: list[int] = []

    def check(self) -> None:
        if self.missing:
            raise InvalidRequestError("no weights", param="diarize")

    async def embed(self, samples: Samples) -> Embedding | None:
        self.lengths.append(len(samples))
        if len(samples) < 3200:
            return None
        return HIGH if np.abs(samples).max() > 0.5 else LOW


class ScriptedStream:
    """A stream whose events are given; it accepts all audio, or `limit` samples at most."""

    def __init__(self, session: str) -> None:
        self.session, self.model, self.language = session, "demo", "nb"
        self.script: list[LiveEvent] = []
        self.received = 0
        self.limit: int | None = None
        self.closed = False

    @property
    def received_seconds(self) -> float:
        return self.received / SAMPLE_RATE

    async def push(self, samples: Samples) -> None:
        self.received += len(samples) if self.limit is None else self.limit

    async def flush(self) -> None: ...

    async def finish(self) -> None: ...

    async def events(self) -> AsyncIterator[LiveEvent]:
        for event in self.script:
            yield event

    async def close(self) -> None:
        self.closed = True


class ScriptedStreams:
    """Opens one stream, which may be continued."""

    def __init__(self) -> None:
        self.stream = ScriptedStream("s-1")
        self.detached: list[LiveStream] = []

    async def open(self, options: LiveOptions) -> LiveStream:
        return self.stream

    def detach(self, stream: LiveStream) -> None:
        self.detached.append(stream)

    async def resume(self, session: str, *, after: int | None = None) -> LiveStream:
        return self.stream


def sound(level: float, seconds: float) -> Samples:
    return np.full(round(seconds * SAMPLE_RATE), level, np.float32)


def final(number: int, start: float, end: float, *, words: bool = True) -> FinalResult:
    spoken = (LiveWord("ja", start + 0.1, end - 0.1, 0.9, stable=True),) if words else ()
    return FinalResult(number, start, end, spoken, 0.9 if words else None)


async def speakers_of(stream: LiveStream) -> list[str | None]:
    return [event.speaker async for event in stream.events() if isinstance(event, FinalResult)]


@on_event_loop
async def test_final_results_have_the_speakers_of_their_words() -> None:
    inner, voices = ScriptedStreams(), Voices()
    stream = await LabelledStreams(inner, voices, keep_seconds=60.0).open(DIARIZED)
    for level, seconds in ((0.1, 3.0), (0.9, 3.0), (0.1, 3.0)):
        await stream.push(sound(level, seconds))
    inner.stream.script = [
        SpeechStarted(0, 0.0), final(0, 0.0, 3.0), final(1, 3.0, 6.0),
        final(2, 6.0, 6.2, words=False), final(3, 6.0, 9.0),
    ]  # fmt: skip
    assert await speakers_of(stream) == ["speaker 1", "speaker 2", None, "speaker 1"]
    assert voices.lengths == [round(2.8 * SAMPLE_RATE)] * 3


@on_event_loop
async def test_utterance_too_short_to_compare_has_the_speaker_before() -> None:
    inner = ScriptedStreams()
    stream = await LabelledStreams(inner, Voices(), keep_seconds=60.0).open(DIARIZED)
    await stream.push(sound(0.1, 9.0))
    inner.stream.script = [final(0, 0.0, 0.3), final(1, 1.0, 4.0), final(2, 5.0, 5.3)]
    assert await speakers_of(stream) == [None, "speaker 1", "speaker 1"]


@on_event_loop
async def test_stream_that_is_continued_keeps_its_speakers_and_labels() -> None:
    inner, voices = ScriptedStreams(), Voices()
    streams = LabelledStreams(inner, voices, keep_seconds=60.0)
    first = await streams.open(DIARIZED)
    await first.push(sound(0.9, 3.0))
    inner.stream.script = [final(0, 0.0, 3.0)]
    assert await speakers_of(first) == ["speaker 1"]
    streams.detach(first)
    assert inner.detached == [inner.stream]
    again = await streams.resume("s-1", after=-1)
    await again.push(sound(0.1, 3.0))
    await again.push(sound(0.9, 3.0))
    inner.stream.script = [final(0, 0.0, 3.0), final(1, 3.0, 6.0), final(2, 6.0, 9.0)]
    assert await speakers_of(again) == ["speaker 1", "speaker 2", "speaker 1"]
    assert len(voices.lengths) == 3


@on_event_loop
async def test_speakers_of_a_stream_that_is_not_continued_are_dropped() -> None:
    streams = LabelledStreams(ScriptedStreams(), Voices(), keep_seconds=0.01)
    streams.detach(await streams.open(DIARIZED))
    await asyncio.sleep(0.1)
    inner = await streams.resume("s-1")
    assert isinstance(inner, ScriptedStream)


@on_event_loop
async def test_closed_stream_is_dropped_unless_another_connection_has_it() -> None:
    inner = ScriptedStreams()
    streams = LabelledStreams(inner, Voices(), keep_seconds=60.0)
    old = await streams.open(DIARIZED)
    new = await streams.resume("s-1")
    await old.close()
    assert not isinstance(await streams.resume("s-1"), ScriptedStream)
    await (await streams.resume("s-1")).close()
    assert isinstance(await streams.resume("s-1"), ScriptedStream)
    assert inner.stream.closed
    assert new.session == "s-1"


@on_event_loop
async def test_audio_that_a_broken_connection_sent_in_vain_is_not_compared() -> None:
    inner = ScriptedStreams()
    streams = LabelledStreams(inner, Voices(), keep_seconds=60.0)
    stream = await streams.open(DIARIZED)
    inner.stream.limit = 0
    await stream.push(sound(0.9, 3.0))
    inner.stream.limit = None
    again = await streams.resume("s-1")
    await again.push(sound(0.1, 3.0))
    await again.push(sound(0.9, 3.0))
    inner.stream.script = [final(0, 0.0, 3.0), final(1, 3.0, 6.0)]
    assert await speakers_of(again) == ["speaker 1", "speaker 2"]


@on_event_loop
async def test_audio_of_hours_is_not_kept() -> None:
    inner = ScriptedStreams()
    stream = await LabelledStreams(inner, Voices(), keep_seconds=60.0).open(DIARIZED)
    for _ in range(20):
        await stream.push(sound(0.1, 10.0))
    inner.stream.script = [final(0, 0.0, 5.0), final(1, 195.0, 200.0)]
    assert await speakers_of(stream) == [None, "speaker 1"]


@on_event_loop
async def test_stream_without_the_option_is_the_stream_itself() -> None:
    inner = ScriptedStreams()
    streams = LabelledStreams(inner, Voices(missing=True), keep_seconds=60.0)
    assert await streams.open(LiveOptions("id")) is inner.stream
    with pytest.raises(InvalidRequestError, match="no weights"):
        await streams.open(DIARIZED)
