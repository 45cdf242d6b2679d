"""One replica: a model with the engine, batcher and decoder of a service that is one process.

Its methods are called from other processes; what they return is a value of `messages`, or a
`Failure` with an error of `app.errors`.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from ray import serve

from app.audio import Samples
from app.cluster.autoscaling import QUEUED_SECONDS
from app.cluster.calls import LOST
from app.cluster.messages import (
    EncoderFacts,
    Failure,
    GroupEncoded,
    Kept,
    OpenStream,
    RecordingMessage,
    ReplicaReport,
    StreamEvents,
    WindowsEncoded,
)
from app.contract.answers import Alignment, Transcript
from app.decoding import SpeechScore
from app.errors import NordlydError, UnavailableError
from app.logging import configure_logging
from app.main import build_service, stream_limits
from app.pipeline import HalfPrecision, LoadedModel
from app.pipeline.incremental import TextDelta
from app.settings import Settings
from app.streaming import LiveOptions, LiveStream, Streams, find_vad_model
from app.telemetry import Telemetry

_GONE = "This live stream was at a replica that has stopped; begin a new stream."

Update = TextDelta | WindowsEncoded | GroupEncoded
Outcome = Transcript | Alignment | Failure


class ModelReplica:
    """Recognises recordings and live streams with one model.

    Args:
        settings: of the service; `models` has the one model.
        devices: CUDA devices by the rank of the replica; empty leaves the choice to Ray.
    """

    async def __init__(  # type: ignore[misc]  # Ray awaits it
        self, settings: Settings, devices: Sequence[str] = ()
    ) -> None:
        context = serve.get_replica_context()
        self._id = context.replica_tag
        if devices:
            # Before torch is imported: a replica sees its own card alone.
            os.environ["CUDA_VISIBLE_DEVICES"] = devices[context.rank.rank % len(devices)]
        configure_logging(log_format=settings.log_format, level=settings.log_level)
        self._telemetry = Telemetry()
        self._service, self._recognition = build_service(settings, self._telemetry)
        self._streams = Streams(
            self._service,
            self._recognition,
            self._telemetry,
            stream_limits(settings),
            find_vad_model(),
        )
        self._connections: dict[str, _Connection] = {}
        self._keep_seconds = settings.live_keep_seconds + settings.live_idle_seconds
        await self._service.load()

    async def describe(self) -> EncoderFacts:
        """Returns what is known of the model."""
        [model] = self._service.transcriber.models
        assert isinstance(model, LoadedModel)
        return EncoderFacts(
            model.facts,
            tuple(model.acoustic.vocabulary.tokens),
            model.acoustic.hop,
            model.acoustic.receptive_field,
        )

    async def report(self) -> ReplicaReport:
        """Returns the state of this replica."""
        engine = self._service.engine
        return ReplicaReport(
            self._id,
            engine.status(),
            engine.callers(),
            engine.mean_real_time_factor(),
            engine.background_seconds(),
            tuple(self._telemetry.registry.collect()),
        )

    async def check_health(self) -> None:
        """Raises where the engine is not ready, so that Ray replaces this replica.

        A replica that drains is healthy.
        """
        readiness = self._service.readiness
        if readiness.state in ("hung", "failed"):
            raise RuntimeError(readiness.reason)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Returns the audio that waits or runs here, in seconds."""
        return {QUEUED_SECONDS: self._service.engine.status().queue_audio_seconds}

    async def transcribe(self, message: RecordingMessage) -> Transcript | Failure:
        """Transcribes one recording."""
        try:
            with self._service.admit():
                return await self._recognition.transcribe(message.request())
        except NordlydError as error:
            return Failure(error)

    async def align(self, message: RecordingMessage, text: str) -> Alignment | Failure:
        """Finds the words of a text in one recording."""
        try:
            with self._service.admit():
                return await self._recognition.align(message.request(), text)
        except NordlydError as error:
            return Failure(error)

    async def score_speech(self, message: RecordingMessage) -> SpeechScore | Failure:
        """Scores one recording by the model."""
        try:
            with self._service.admit():
                return await self._recognition.score_speech(message.request())
        except NordlydError as error:
            return Failure(error)

    async def follow(
        self, message: RecordingMessage, text: str | None, *, growing: bool, kept: Kept | None
    ) -> AsyncIterator[Update | Outcome]:
        """Yields the updates of one recording, and its result last.

        Args:
            message: the recording.
            text: to align with; None transcribes.
            growing: whether to yield the text as it becomes final.
            kept: emissions of an earlier attempt; None keeps none.
        """
        updates: asyncio.Queue[Update | Outcome | Exception] = asyncio.Queue()

        async def run() -> None:
            try:
                result = await self._recognise(message, text, updates, growing=growing, kept=kept)
            except NordlydError as error:
                updates.put_nowait(Failure(error))
            except Exception as error:
                updates.put_nowait(error)
            else:
                updates.put_nowait(result)

        task = asyncio.create_task(run())
        try:
            while True:
                update = await updates.get()
                if isinstance(update, Exception):
                    raise update
                yield update
                if isinstance(update, Outcome):
                    return
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def drain(self, replica: str) -> None:
        """Refuses new work and ends the live streams, where this is the replica of that id."""
        if replica == self._id:
            self._service.begin_drain()

    async def open_stream(self, options: LiveOptions) -> OpenStream | Failure:
        """Begins a live stream."""
        try:
            return self._connected(await self._streams.open(options))
        except NordlydError as error:
            return Failure(error)

    async def resume_stream(self, token: str, after: int | None) -> OpenStream | Failure:
        """Continues a live stream of this replica whose connection broke."""
        try:
            return self._connected(await self._streams.resume(token, after=after))
        except NordlydError as error:
            return Failure(error)

    async def push(self, connection: str, samples: Samples) -> Failure | None:
        """Accepts audio of a live stream; waits while processing is behind."""
        try:
            await self._stream(connection).push(samples)
        except NordlydError as error:
            return Failure(error)
        return None

    async def flush(self, connection: str) -> Failure | None:
        """Ends the utterance of a live stream."""
        try:
            await self._stream(connection).flush()
        except NordlydError as error:
            return Failure(error)
        return None

    async def finish(self, connection: str) -> Failure | None:
        """Accepts no more audio of a live stream."""
        try:
            await self._stream(connection).finish()
        except NordlydError as error:
            return Failure(error)
        return None

    async def end_stream(self, connection: str, reason: NordlydError) -> None:
        """Has a live stream end with an error, after the results of its audio."""
        found = self._connections.get(connection)
        if found is not None:
            self._streams.end(found.stream, reason)

    async def close_stream(self, connection: str, *, broken: bool) -> None:
        """Drops a live stream, or keeps it for a while where its connection broke."""
        found = self._connections.pop(connection, None)
        if found is None:
            return
        if broken:
            self._streams.detach(found.stream)
        else:
            await found.stream.close()

    async def events(self, connection: str) -> AsyncIterator[StreamEvents | Failure]:
        """Yields the events of a live stream, and why it failed, if it did."""
        try:
            async for event in self._stream(connection).events():
                yield StreamEvents((event,))
        except NordlydError as error:
            yield Failure(error)

    async def stop(self) -> None:
        """Ends the threads and processes; Ray calls it once no call is running."""
        await self._streams.close()
        await self._service.stop()

    async def __del__(self) -> None:
        """Ray's hook at the end of a replica."""
        await self.stop()

    async def _recognise(
        self,
        message: RecordingMessage,
        text: str | None,
        updates: "asyncio.Queue[Update | Outcome | Exception]",
        *,
        growing: bool,
        kept: Kept | None,
    ) -> Transcript | Alignment:
        def encoded(done: int, windows: int) -> None:
            updates.put_nowait(WindowsEncoded(done, windows))

        store = None if kept is None else _RelayedStore(kept, updates)
        with self._service.admit():
            if text is not None:
                return await self._recognition.align(
                    message.request(), text, progress=encoded, kept=store
                )
            return await self._recognition.transcribe(
                message.request(),
                progress=encoded,
                on_text=updates.put_nowait if growing else None,
                kept=store,
            )

    def _connected(self, stream: LiveStream) -> OpenStream:
        now = time.monotonic()
        for name, other in tuple(self._connections.items()):
            # Of an API process that ended without closing its streams.
            if now - other.used > self._keep_seconds:
                del self._connections[name]
        connection = secrets.token_urlsafe(8)
        self._connections[connection] = _Connection(stream)
        return OpenStream(
            connection,
            stream.session,
            self._id,
            self._streams.caller_of(stream),
            stream.model,
            stream.language,
            stream.received_seconds,
        )

    def _stream(self, connection: str) -> LiveStream:
        found = self._connections.get(connection)
        if found is None:
            raise UnavailableError(_GONE, code=LOST, retry_after=0.0)
        found.used = time.monotonic()
        return found.stream


@dataclass(slots=True)
class _Connection:
    stream: LiveStream
    used: float = field(default_factory=time.monotonic)


class _RelayedStore:
    """An `EmissionStore` whose groups the caller of the replica keeps.

    Args:
        kept: groups of an earlier attempt.
        updates: receives further ones.
    """

    def __init__(self, kept: Kept, updates: "asyncio.Queue[Update | Outcome | Exception]") -> None:
        self._kept = kept
        self._updates = updates

    def begin(self, duration: float) -> None:
        """Does nothing: the caller knows the length."""

    async def load(self, name: str) -> HalfPrecision | None:
        """Returns a group of an earlier attempt."""
        return self._kept.get(name)

    async def save(self, name: str, emissions: HalfPrecision) -> None:
        """Sends a group to the caller."""
        self._updates.put_nowait(GroupEncoded(name, emissions))
