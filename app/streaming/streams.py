"""All live streams of the service: opens them, bounds them, and ends those that are idle.

A stream whose connection broke is kept for a while, so that its client can continue it.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import (
    InvalidRequestError,
    NordlydError,
    OverloadedError,
    StreamIdleError,
    UnavailableError,
)
from app.streaming.recognizer import StreamRecognizer, Tuning
from app.streaming.stream import Connection, Stream, StreamSizes
from app.streaming.types import LiveOptions, LiveStream, StreamBackend
from app.streaming.vad import VadModel, VoiceActivityDetector
from app.telemetry import Telemetry

if TYPE_CHECKING:
    from app.pipeline import LocalRecognition

# When a stream will end cannot be predicted.
_RETRY_SECONDS = 5.0
_WATCH_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams there may be, and for how long.

    Attributes:
        streams: at once, with those whose connection broke.
        keep_seconds: how long one whose connection broke is kept.
        idle_seconds: one without audio for so long is ended.
        min_share: share of real time that its audio must make up over that time.
    """

    streams: int = 32
    keep_seconds: float = 60.0
    idle_seconds: float = 300.0
    min_share: float = 0.02


@dataclass(slots=True)
class _Entry:
    """A stream, its admission to the service, and since when no client is connected to it.

    `allowance` is how many seconds it may continue without audio, as of `checked`, when it had
    received `received` seconds of audio. `counted` seconds of it were counted for the caller.
    """

    stream: Stream
    admission: ExitStack
    caller: str
    allowance: float
    checked: float
    received: float = 0.0
    detached: float | None = None
    counted: float = 0.0

    def is_active(self, now: float, limits: StreamLimits) -> bool:
        """Returns whether enough audio arrived: each second of it allows for some without any."""
        received = self.stream.received_seconds
        gained = received - self.received
        if gained:
            gained = gained / limits.min_share if limits.min_share else limits.idle_seconds
        self.allowance = min(limits.idle_seconds, self.allowance - (now - self.checked) + gained)
        self.checked, self.received = now, received
        return self.allowance > 0


class Streams:
    """A `LiveStreams`.

    Args:
        backend: routes, and admits; a stream delays its stop until the last events are read.
        recognition: encodes and decodes, with the models in memory.
        telemetry: where streams are counted.
        limits: how many streams, and for how long.
        vad: path of the model that finds speech, from `find_vad_model`; read with the first stream.
        tuning: of growing utterances.
        sizes: how each stream is paced.
        count_audio: called with the caller and the seconds of audio of a stream that have arrived
            since the last call, every second or so and at its end.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        backend: StreamBackend,
        recognition: "LocalRecognition",
        telemetry: Telemetry,
        limits: StreamLimits,
        vad: Path,
        *,
        tuning: Tuning = Tuning(),  # noqa: B008 - frozen
        sizes: StreamSizes = StreamSizes(),  # noqa: B008 - frozen
        count_audio: Callable[[str, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._recognition = recognition
        self._telemetry = telemetry
        self._limits = limits
        self._vad_lock = asyncio.Lock()
        self._vad_path = vad
        self._vad_model: VadModel | None = None
        self._tuning = tuning
        self._sizes = sizes
        self._count_audio = count_audio
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._watch: asyncio.Task[None] | None = None
        telemetry.live_streams.set_function(lambda: float(len(self._entries)))

    async def open(self, options: LiveOptions) -> LiveStream:
        """Begins a stream.

        Raises:
            InvalidRequestError: the options cannot be served.
            UnknownModelError: no such model, or none for that language.
            OverloadedError: as many streams run as the service accepts.
            UnavailableError: loading or draining.
        """
        self._backend.check_ready()
        route = self._backend.transcriber.route(
            options.model,
            options.language,
            options.decoding,
            options.formatting,
            options.redaction,
        )
        model = self._recognition.loaded(route)
        vad = await self._load_vad()
        if len(self._entries) >= self._limits.streams:
            raise OverloadedError(
                f"All {self._limits.streams} live streams are taken (NORDLYD_LIVE_STREAMS). "
                f"Try again in {_RETRY_SECONDS:.0f} s.",
                retry_after=_RETRY_SECONDS,
            )
        admission = ExitStack()
        admission.enter_context(self._backend.admit())
        recognizer = StreamRecognizer(
            self._recognition, model, route=route, options=options, tuning=self._tuning
        )
        stream = Stream(
            secrets.token_urlsafe(16),
            recognizer,
            VoiceActivityDetector(vad),
            options,
            sizes=self._sizes,
            telemetry=self._telemetry,
            on_close=self._remove,
        )
        self._entries[stream.session] = _Entry(
            stream, admission, options.caller, self._limits.idle_seconds, self._clock()
        )
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_streams(), name="live-streams")
        return Connection(stream)

    def detach(self, stream: LiveStream) -> None:
        """Keeps a stream whose connection broke, for a while, with its unread events."""
        entry = self._entries.get(stream.session)
        # Another connection may have taken it over before this one was found to be broken.
        if entry is not None and isinstance(stream, Connection) and stream.current:
            entry.detached = self._clock()

    async def resume(self, session: str, *, after: int | None = None) -> LiveStream:
        """Continues a stream whose connection broke, even if that was not noticed here yet.

        Args:
            session: its name.
            after: the last utterance whose final result reached the client, -1 for none: later
                ones are sent again. None takes every event that was read as received.

        Raises:
            InvalidRequestError: there is no such stream, or not any more.
        """
        entry = self._entries.get(session)
        if entry is None:
            raise InvalidRequestError(
                f"There is no live stream {session!r}, or not any more: one is kept for "
                f"{self._limits.keep_seconds:g} s after its connection broke.",
                param="session",
            )
        entry.detached = None
        entry.allowance, entry.checked = self._limits.idle_seconds, self._clock()
        connection = Connection(entry.stream)
        if after is not None:
            entry.stream.emit_again(after)
        return connection

    def caller_of(self, stream: LiveStream) -> str:
        """Returns who opened a stream; empty where it has ended."""
        entry = self._entries.get(stream.session)
        return "" if entry is None else entry.caller

    def end(self, stream: LiveStream, reason: NordlydError) -> None:
        """Has a stream end with an error, after the results of the audio that it has."""
        entry = self._entries.get(stream.session)
        if entry is not None:
            entry.stream.finish_with(reason)

    async def close(self) -> None:
        """Drops all streams."""
        if self._watch is not None:
            self._watch.cancel()
        for entry in tuple(self._entries.values()):
            await entry.stream.close()

    async def _load_vad(self) -> VadModel:
        async with self._vad_lock:
            if self._vad_model is None:
                self._vad_model = await asyncio.to_thread(VadModel.load, self._vad_path)
            return self._vad_model

    def _remove(self, stream: Stream) -> None:
        entry = self._entries.pop(stream.session)
        entry.admission.close()
        self._count(entry)

    def _count(self, entry: _Entry) -> None:
        received = entry.stream.received_seconds
        if self._count_audio is not None and received > entry.counted:
            self._count_audio(entry.caller, received - entry.counted)
        entry.counted = received

    async def _watch_streams(self) -> None:
        """Ends idle, abandoned and draining streams, until there is no stream."""
        while self._entries:
            await asyncio.sleep(_WATCH_SECONDS)
            draining = self._backend.readiness.state == "draining"
            now = self._clock()
            for entry in tuple(self._entries.values()):
                self._count(entry)
                stream, detached = entry.stream, entry.detached
                if detached is not None and (
                    draining or now - detached >= self._limits.keep_seconds
                ):
                    await stream.close()
                elif draining:
                    stream.finish_with(
                        UnavailableError(
                            "The service is stopping; every result was sent.", code="draining"
                        )
                    )
                elif not entry.is_active(now, self._limits):
                    stream.finish_with(
                        StreamIdleError(
                            f"No audio, or too little, arrived in {self._limits.idle_seconds:g} s; "
                            f"accepted: {self._limits.min_share:.0%} of real time or more "
                            "(NORDLYD_LIVE_IDLE_SECONDS, NORDLYD_LIVE_MIN_SHARE)."
                        )
                    )
