"""Live streams at the replicas of their models.

A stream stays with the replica that began it, whose id is a part of the session's name. So any API
process can continue it, and none can once the replica has stopped.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, aclosing, suppress
from dataclasses import replace

from app.audio import SAMPLE_RATE, Samples
from app.catalogue import ModelCard
from app.cluster.calls import LOST, ModelCalls
from app.cluster.engine import RemoteEngine
from app.cluster.messages import OpenStream, StreamEvents
from app.errors import InvalidRequestError, NordlydError, UnavailableError
from app.pipeline import Service
from app.streaming import LiveEvent, LiveOptions, LiveStream

_WATCH_SECONDS = 0.5


class RemoteStreams:
    """The `LiveStreams` of a service whose models are in replicas.

    Args:
        service: routes, and admits; a connected stream delays its stop.
        engine: has the replicas.
        count_audio: called with the caller and the seconds of audio of a stream that have arrived
            since the last call.
    """

    def __init__(
        self, service: Service, engine: RemoteEngine, count_audio: Callable[[str, float], None]
    ) -> None:
        self._service = service
        self._engine = engine
        self._count_audio = count_audio
        self._open: set[RemoteStream] = set()
        self._watching: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self, options: LiveOptions) -> LiveStream:
        """Begins a stream at a replica; see `LiveStreams`."""
        self._service.check_ready()
        route = self._service.transcriber.route(
            options.model,
            options.language,
            options.decoding,
            options.formatting,
            options.redaction,
        )
        calls = await self._engine.calls(route.card)
        # Decided here, by all models: a replica knows its own alone.
        decided = replace(options, model=None, language=route.language, redaction=route.redaction)
        opened = await calls.run("open_stream", lambda: (decided,), None)
        assert isinstance(opened, OpenStream)
        return self._connected(calls, route.card, opened)

    async def resume(self, session: str, *, after: int | None = None) -> LiveStream:
        """Continues a stream at its replica; see `LiveStreams`."""
        token, _, place = session.partition(".")
        replica, _, model = place.partition(".")
        for loaded in self._service.transcriber.models:
            if loaded.card.id == model:
                break
        else:
            raise _no_session(session)
        calls = await self._engine.calls(loaded.card)
        try:
            opened = await calls.pinned(replica, "resume_stream", token, after)
        except InvalidRequestError as error:
            message = error.message.replace(repr(token), repr(session))
            raise InvalidRequestError(message, param="session") from None
        except UnavailableError as error:
            if error.code == LOST:
                raise _no_session(session) from None
            raise
        assert isinstance(opened, OpenStream)
        return self._connected(calls, loaded.card, opened)

    def detach(self, stream: LiveStream) -> None:
        """Has the replica keep a stream whose connection broke, for a while."""
        assert isinstance(stream, RemoteStream)
        task = asyncio.create_task(stream.leave(broken=True))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Drops the streams of this process."""
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(stream.close() for stream in tuple(self._open)), *self._closing)

    def _connected(self, calls: ModelCalls, card: ModelCard, opened: OpenStream) -> "RemoteStream":
        admission = ExitStack()
        admission.enter_context(self._service.admit())

        def left(stream: RemoteStream) -> None:
            self._open.discard(stream)
            admission.close()
            self._count(stream)

        stream = RemoteStream(calls, card.id, opened, left)
        self._open.add(stream)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="live-streams")
        return stream

    def _count(self, stream: "RemoteStream") -> None:
        seconds = stream.pushed_seconds - stream.counted_seconds
        if seconds:
            stream.counted_seconds = stream.pushed_seconds
            self._count_audio(stream.caller, seconds)

    async def _watch(self) -> None:
        """Ends streams while this process drains, and those of replicas that do."""
        draining: set[tuple[str, str]] = set()
        while self._open:
            await asyncio.sleep(_WATCH_SECONDS)
            stopping = self._service.readiness.state == "draining"
            for stream in tuple(self._open):
                self._count(stream)
                place = stream.model, stream.replica
                if stopping:
                    await stream.end()
                elif place not in draining and not self._engine.has_replica(*place):
                    draining.add(place)
                    await stream.drain_replica()


class RemoteStream:
    """A `LiveStream` at a replica, for as long as one client is connected.

    Args:
        calls: of the model's replicas.
        model: id of the model.
        opened: what the replica answered.
        on_left: called once, when the client is not connected any more.
    """

    def __init__(
        self,
        calls: ModelCalls,
        model: str,
        opened: OpenStream,
        on_left: Callable[["RemoteStream"], None],
    ) -> None:
        self.session = f"{opened.token}.{opened.replica}.{model}"
        self.model = opened.model
        self.language = opened.language
        self.replica = opened.replica
        self.caller = opened.caller
        self.pushed_seconds = 0.0
        self.counted_seconds = 0.0
        self._calls = calls
        self._connection = opened.connection
        self._resumed_at = opened.received_seconds
        self._on_left: Callable[[RemoteStream], None] | None = on_left
        self._ending = False

    @property
    def received_seconds(self) -> float:
        """Audio of the stream so far."""
        return self._resumed_at + self.pushed_seconds

    async def push(self, samples: Samples) -> None:
        """Accepts 16 kHz mono samples [n]; see `LiveStream`."""
        if len(samples):
            await self._call("push", samples)
            self.pushed_seconds += len(samples) / SAMPLE_RATE

    async def flush(self) -> None:
        """Ends the utterance now; see `LiveStream`."""
        await self._call("flush")

    async def finish(self) -> None:
        """Accepts no more audio; see `LiveStream`."""
        await self._call("finish")

    async def events(self) -> AsyncIterator[LiveEvent]:
        """Yields the events in order; raises why the stream failed, if it did."""
        messages = self._calls.iterate("events", self._connection, replica=self.replica)
        async with aclosing(messages):
            async for message in messages:
                assert isinstance(message, StreamEvents)
                for event in message.events:
                    yield event

    async def close(self) -> None:
        """Drops the stream and everything it holds."""
        await self.leave(broken=False)

    async def leave(self, *, broken: bool) -> None:
        """Drops the stream, or has its replica keep it for a while."""
        on_left, self._on_left = self._on_left, None
        if on_left is None:
            return
        on_left(self)
        with suppress(NordlydError):
            await self._call("close_stream", broken=broken)

    async def end(self) -> None:
        """Ends the stream after the results of its audio, since the service stops."""
        if self._ending:
            return
        self._ending = True
        reason = UnavailableError(
            "The service is stopping; every result was sent.", code="draining"
        )
        with suppress(NordlydError):
            await self._call("end_stream", reason)

    async def drain_replica(self) -> None:
        """Has the replica end its streams, since it accepts no new work."""
        with suppress(NordlydError):
            await self._calls.pinned(self.replica, "drain", self.replica)

    async def _call(self, method: str, *arguments: object, **named: object) -> None:
        await self._calls.pinned(self.replica, method, self._connection, *arguments, **named)


def _no_session(session: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"There is no live stream {session!r}, or not any more; begin a new one.",
        param="session",
    )
