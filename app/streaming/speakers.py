"""Labels the utterances of live streams with who speaks, wherever the streams are computed.

Keeps the newest audio of each stream, and before a final result is passed on, the embedding of its
words is assigned to one of the stream's speakers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Protocol

from app.audio import SAMPLE_RATE, Samples
from app.speakers import Embedding, OnlineSpeakers, numbered_speaker
from app.streaming.types import FinalResult, LiveEvent, LiveOptions, LiveStream, LiveStreams
from app.streaming.utterance_tracker import AudioBuffer

# More than an utterance has, with what may wait to be processed.
_KEEP_SAMPLES = 90 * SAMPLE_RATE


class VoiceModel(Protocol):
    """What `app.speakers.Diarizer` offers for single utterances."""

    def check(self) -> None:
        """Does nothing where speakers can be told apart.

        Raises:
            InvalidRequestError: a package or the weights are missing.
        """

    async def embed(self, samples: Samples) -> Embedding | None:
        """Returns the voice in 16 kHz mono samples [n]; None where they are too short."""


class LabelledStreams:
    """A `LiveStreams` whose final results have speakers where a stream has `diarize`.

    A stream that another process continues has none from there on.

    Args:
        streams: the streams themselves.
        voices: turns speech into embeddings.
        keep_seconds: how long a stream whose connection broke is kept.
    """

    def __init__(self, streams: LiveStreams, voices: VoiceModel, *, keep_seconds: float) -> None:
        self._streams = streams
        self._voices = voices
        self._keep_seconds = keep_seconds
        self._speakers: dict[str, StreamSpeakers] = {}

    async def open(self, options: LiveOptions) -> LiveStream:
        """Begins a stream; see `LiveStreams`.

        Raises:
            InvalidRequestError: also where speakers cannot be told apart.
        """
        if not options.diarize:
            return await self._streams.open(options)
        self._voices.check()
        stream = await self._streams.open(options)
        speakers = self._speakers[stream.session] = StreamSpeakers(self._voices)
        return self._labelled(stream, speakers)

    async def resume(self, session: str, *, after: int | None = None) -> LiveStream:
        """Continues a stream whose connection broke; see `LiveStreams`."""
        stream = await self._streams.resume(session, after=after)
        speakers = self._speakers.get(session)
        return stream if speakers is None else self._labelled(stream, speakers)

    def detach(self, stream: LiveStream) -> None:
        """Keeps a stream whose connection broke, for a while, with its speakers."""
        if not isinstance(stream, LabelledStream):
            self._streams.detach(stream)
            return
        self._streams.detach(stream.stream)
        asyncio.get_running_loop().call_later(self._keep_seconds, self._forget, stream)

    def _labelled(self, stream: LiveStream, speakers: "StreamSpeakers") -> "LabelledStream":
        labelled = LabelledStream(stream, speakers, on_close=self._forget)
        speakers.reader = labelled
        return labelled

    def _forget(self, stream: "LabelledStream") -> None:
        """Drops the speakers of a stream, unless another connection has taken it over."""
        speakers = self._speakers.get(stream.session)
        if speakers is not None and speakers.reader is stream:
            del self._speakers[stream.session]


class StreamSpeakers:
    """The speakers of one stream, and its newest audio.

    Args:
        voices: turns speech into embeddings.

    Attributes:
        reader: the newest connection to the stream.
    """

    def __init__(self, voices: VoiceModel) -> None:
        self.reader: LabelledStream | None = None
        self._voices = voices
        self._speakers = OnlineSpeakers()
        self._labels: dict[int, str | None] = {}
        self._last: str | None = None
        self._audio = AudioBuffer()

    def add(self, position: int, samples: Samples) -> None:
        """Adds samples [n] that the stream is about to accept, from a position in samples."""
        if position != self._audio.end:
            # A connection broke before the stream had accepted all that was added.
            self._audio = AudioBuffer()
            self._audio.end = position
        self._audio.append(samples, 0.0)
        self._audio.keep_from(self._audio.end - _KEEP_SAMPLES)

    async def label(self, event: FinalResult) -> str | None:
        """Returns who speaks in an utterance; the same for one that is emitted again.

        None where it has no words. One that is too short to be compared has the speaker of the one
        before it.

        Raises:
            ConfigurationError: the weights of the network are damaged.
        """
        if not event.words:
            return None
        if event.utterance not in self._labels:
            # Without the silence before and after the words.
            start, stop = (
                round(edge * SAMPLE_RATE) for edge in (event.words[0].start, event.words[-1].end)
            )
            samples = self._audio.part(start, stop)
            embedding = await self._voices.embed(samples)
            if embedding is not None:
                number = self._speakers.assign(embedding, len(samples) / SAMPLE_RATE)
                self._last = numbered_speaker(number + 1)
            self._labels[event.utterance] = self._last
        return self._labels[event.utterance]


class LabelledStream:
    """A `LiveStream` whose final results have speakers.

    Args:
        stream: the stream itself.
        speakers: of the stream.
        on_close: called with this once it is closed.
    """

    def __init__(
        self,
        stream: LiveStream,
        speakers: StreamSpeakers,
        *,
        on_close: Callable[["LabelledStream"], None],
    ) -> None:
        self.session = stream.session
        self.model = stream.model
        self.language = stream.language
        self.stream = stream
        self._speakers = speakers
        self._on_close = on_close

    @property
    def received_seconds(self) -> float:
        """See `LiveStream`."""
        return self.stream.received_seconds

    async def push(self, samples: Samples) -> None:
        """Accepts 16 kHz mono samples [n]; see `LiveStream`."""
        self._speakers.add(round(self.received_seconds * SAMPLE_RATE), samples)
        await self.stream.push(samples)

    async def flush(self) -> None:
        """Ends the utterance now; see `LiveStream`."""
        await self.stream.flush()

    async def finish(self) -> None:
        """Accepts no more audio; see `LiveStream`."""
        await self.stream.finish()

    async def events(self) -> AsyncIterator[LiveEvent]:
        """Yields the events in order, final results with their speakers."""
        async for event in self.stream.events():
            if isinstance(event, FinalResult):
                yield replace(event, speaker=await self._speakers.label(event))
            else:
                yield event

    async def close(self) -> None:
        """Drops the stream and everything it holds."""
        self._on_close(self)
        await self.stream.close()
