"""Live sound heard on this machine: the streaming engine, and its events as a server tells them."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from app.catalogue import PullPlan
from app.cli.listening import Listening
from app.cli.live_events import as_event
from app.cli.local import alone
from app.cli.transcribing import Wanted
from app.client import End, LiveEvent, Pcm, Ready
from app.contract.stream import StreamOptions
from app.main import build_service
from app.pipeline.options import decoding_options, formatting_options, parse_options
from app.settings import Settings
from app.streaming import PcmInput, StreamLimits, Streams, find_vad_model, live_options, recognize
from app.telemetry import Telemetry


@asynccontextmanager
async def by_this_machine(
    settings: Settings, wanted: Wanted, report: Callable[[PullPlan], None] | None = None
) -> AsyncIterator[Listening]:
    """Load the one model that is needed, for as long as the block lasts.

    Raises:
        NordlydError: nothing can be heard so, whatever is said.
    """
    formatting_options(parse_options(StreamOptions, wanted.fields))
    telemetry = Telemetry()
    service = build_service(
        alone(settings, wanted.model, wanted.language), telemetry, report=report
    )
    streams = Streams(
        service, telemetry, StreamLimits(streams=1, idle_seconds=float("inf")), find_vad_model()
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
        options = parse_options(StreamOptions, fields)
        live = await self._streams.open(
            live_options(
                options,
                decoding=decoding_options(options),
                formatting=formatting_options(options),
                request_id="stream",
            )
        )
        try:
            yield Ready("ready", live.session, live.model, live.language)
            decoder = PcmInput(pcm.encoding, pcm.rate, pcm.channels)
            async with aclosing(recognize(live, decoder, pieces)) as events:
                async for event in events:
                    yield as_event(event)
            yield End("end", round(live.received_seconds, 3))
        finally:
            await live.close()
