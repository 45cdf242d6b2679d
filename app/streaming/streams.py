"""All live streams of the service: options in, a `LiveStream` out; who is idle or gone is let go.

A stream whose connection broke is kept for a while, so that its client can go on with it.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidRequestError, OverloadedError, StreamIdleError, UnavailableError
from app.pipeline import Service
from app.streaming.connection import Connection
from app.streaming.recognizer import StreamRecognizer, Tuning
from app.streaming.stream import Stream, StreamSizes
from app.streaming.types import LiveOptions, LiveStream
from app.streaming.voice import VoiceActivity, VoiceModel
from app.telemetry import Telemetry

# A place is free again when somebody stops speaking, which nobody can foresee.
_RETRY_SECONDS = 5.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams there may be, and for how long.

    Attributes:
        streams: at once, those whose connection broke included.
        keep_seconds: how long one whose connection broke is kept.
        idle_seconds: one without audio for so long is ended.
        min_share: of real time that its audio must make up over that time.
    """

    streams: int = 32
    keep_seconds: float = 60.0
    idle_seconds: float = 300.0
    min_share: float = 0.02


@dataclass(slots=True)
class _Kept:
    """A stream, what it holds of the service, and since when no client is connected to it.

    `patience` is how many seconds it may go on without audio, as of `looked`, by when `received`
    seconds of audio had come.
    """

    stream: Stream
    holds: ExitStack
    patience: float
    looked: float
    received: float = 0.0
    detached: float | None = None

    def look(self, now: float, limits: StreamLimits) -> bool:
        """Returns whether enough audio came: each second of it is worth some without any."""
        received = self.stream.received_seconds
        gained = received - self.received
        if gained:
            gained = gained / limits.min_share if limits.min_share else limits.idle_seconds
        self.patience = min(limits.idle_seconds, self.patience - (now - self.looked) + gained)
        self.looked, self.received = now, received
        return self.patience > 0


class Streams:
    """A `LiveStreams`.

    Args:
        service: whose models listen; a stream holds its drain up until its last words are told.
        telemetry: where streams are counted.
        limits: how many streams, and for how long.
        voice: the model that finds speech, as `find_voice_model` says; read with the first stream.
        tuning: of the words while they are being said.
        sizes: how each stream is paced.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        service: Service,
        telemetry: Telemetry,
        limits: StreamLimits,
        voice: Path,
        *,
        tuning: Tuning = Tuning(),  # noqa: B008 - frozen
        sizes: StreamSizes = StreamSizes(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._telemetry = telemetry
        self._limits = limits
        self._voice_lock = asyncio.Lock()
        self._voice_path = voice
        self._voice_model: VoiceModel | None = None
        self._tuning = tuning
        self._sizes = sizes
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._watch: asyncio.Task[None] | None = None
        telemetry.live_streams.set_function(lambda: float(len(self._kept)))

    async def open(self, options: LiveOptions) -> LiveStream:
        """Begin a stream.

        Raises:
            InvalidRequestError: the options cannot be served.
            UnknownModelError: no such model, or none for that language.
            OverloadedError: as many streams run as the service takes.
            UnavailableError: loading or draining.
        """
        self._service.check_ready()
        transcriber = self._service.transcriber
        route = transcriber.route(
            options.model, options.language, options.decoding, options.readable
        )
        model = transcriber.loaded(route)
        voice = await self._load_voice()
        if len(self._kept) >= self._limits.streams:
            raise OverloadedError(
                f"All {self._limits.streams} live streams are taken (NORDLYD_LIVE_STREAMS). "
                f"Try again in {_RETRY_SECONDS:.0f} s.",
                retry_after=_RETRY_SECONDS,
            )
        holds = ExitStack()
        holds.enter_context(self._service.admit())
        hearing = StreamRecognizer(
            transcriber,
            self._service.engine,
            model,
            language=route.language,
            options=options,
            tuning=self._tuning,
        )
        stream = Stream(
            secrets.token_urlsafe(16),
            hearing,
            VoiceActivity(voice),
            options,
            sizes=self._sizes,
            telemetry=self._telemetry,
            on_close=self._let_go,
        )
        self._kept[stream.session] = _Kept(stream, holds, self._limits.idle_seconds, self._clock())
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_after(), name="live-streams")
        return Connection(stream)

    def detach(self, stream: LiveStream) -> None:
        """Keep a stream whose connection broke, for a while, with the events not yet read."""
        kept = self._kept.get(stream.session)
        # Not where another connection went on with it before this one was found to be broken.
        if kept is not None and isinstance(stream, Connection) and stream.current:
            kept.detached = self._clock()

    async def resume(self, session: str, *, after: int | None = None) -> LiveStream:
        """Take up a stream whose connection broke, even if that was not noticed here yet.

        Args:
            session: its name.
            after: the last utterance whose final result reached the client, -1 for none: later
                ones are told again. None takes all that was read for arrived.

        Raises:
            InvalidRequestError: there is none, or not any more.
        """
        kept = self._kept.get(session)
        if kept is None:
            raise InvalidRequestError(
                f"There is no live stream {session!r}, or not any more: one is kept for "
                f"{self._limits.keep_seconds:g} s after its connection broke.",
                param="session",
            )
        kept.detached = None
        kept.patience, kept.looked = self._limits.idle_seconds, self._clock()
        connection = Connection(kept.stream)
        if after is not None:
            kept.stream.tell_again(after)
        return connection

    async def close(self) -> None:
        """Drop all streams."""
        if self._watch is not None:
            self._watch.cancel()
        for kept in tuple(self._kept.values()):
            await kept.stream.close()

    async def _load_voice(self) -> VoiceModel:
        async with self._voice_lock:
            if self._voice_model is None:
                self._voice_model = await asyncio.to_thread(VoiceModel.load, self._voice_path)
            return self._voice_model

    def _let_go(self, stream: Stream) -> None:
        self._kept.pop(stream.session).holds.close()

    async def _look_after(self) -> None:
        """Look again and again at what nobody wants any more, until there is no stream."""
        while self._kept:
            await asyncio.sleep(_LOOK_SECONDS)
            draining = self._service.readiness.state == "draining"
            now = self._clock()
            for kept in tuple(self._kept.values()):
                stream, detached = kept.stream, kept.detached
                if detached is not None and (
                    draining or now - detached >= self._limits.keep_seconds
                ):
                    await stream.close()
                elif draining:
                    stream.fail_after_last_words(
                        UnavailableError(
                            "The service is stopping; the last words were told.", code="draining"
                        )
                    )
                elif not kept.look(now, self._limits):
                    stream.fail_after_last_words(
                        StreamIdleError(
                            f"Over {self._limits.idle_seconds:g} s came no audio or too little; "
                            f"accepted: {self._limits.min_share:.0%} of real time or more "
                            "(NORDLYD_LIVE_IDLE_SECONDS, NORDLYD_LIVE_MIN_SHARE)."
                        )
                    )
