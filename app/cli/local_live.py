"""Live sound heard on this machine: the streaming engine, and its events as a server tells them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.api.stream import StreamParameters
from app.catalogue import PullPlan
from app.cli.listening import Listening
from app.cli.live_events import as_event
from app.cli.local import alone
from app.cli.transcribing import Wanted
from app.client import End, LiveEvent, Pcm, Ready
from app.main import build_service
from app.pipeline.options import formatting_options, parse_options
from app.settings import Settings
from app.streaming import LiveStream, PcmInput, StreamLimits, Streams, find_voice_model
from app.telemetry import Telemetry


@asynccontextmanager
async def by_this_machine(
    settings: Settings, wanted: Wanted, report: Callable[[PullPlan], None] | None = None
) -> AsyncIterator[Listening]:
    """Load the one model that is needed, for as long as the block lasts.

    Raises:
        NordlydError: nothing can be heard so, whatever is said.
    """
    formatting_options(parse_options(StreamParameters, wanted.fields))
    telemetry = Telemetry()
    service = build_service(
        alone(settings, wanted.model, wanted.language), telemetry, report=report
    )
    streams = Streams(
        service, telemetry, StreamLimits(streams=1, idle_seconds=float("inf")), find_voice_model()
    )
    try:
        await service.load()
        yield _Local(streams, wanted)
    finally:
        await streams.close()
        await service.stop()


class _Local:
    def __init__(self, streams: Streams, wanted: Wanted) -> None:
        self._streams = streams
        self._wanted = wanted

    async def listen(
        self, pieces: AsyncIterable[bytes], pcm: Pcm
    ) -> AsyncGenerator[LiveEvent, None]:
        given = {"language": self._wanted.language, **self._wanted.fields}
        fields = {name: value for name, value in given.items() if value is not None}
        live = await self._streams.open(parse_options(StreamParameters, fields).options("stream"))
        try:
            yield Ready("ready", live.session, live.model, live.language)
            pushing = asyncio.create_task(_push(live, pieces, pcm))
            try:
                async for event in _events(live, pushing):
                    yield event
                await pushing
            finally:
                pushing.cancel()
                await asyncio.gather(pushing, return_exceptions=True)
            yield End("end", round(live.received_seconds, 3))
        finally:
            await live.close()


async def _push(live: LiveStream, pieces: AsyncIterable[bytes], pcm: Pcm) -> None:
    decoder = PcmInput(pcm.encoding, pcm.rate, pcm.channels)
    try:
        async for piece in pieces:
            await live.push(decoder.feed(piece))
        await live.push(decoder.flush())
    finally:
        # Also where the source failed: what was heard so far is told.
        await live.finish()


async def _events(live: LiveStream, pushing: asyncio.Task[None]) -> AsyncIterator[LiveEvent]:
    async for event in live.events():
        yield as_event(event)
    await pushing
