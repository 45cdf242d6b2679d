"""The live backend of this machine: the streaming engine, its events as a server sends them."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from app.cli.local import reported, settings_for_one
from app.cli.models import report_pull
from app.contract.stream import StreamOptions
from app.main import build_service
from app.pipeline.options import decoding_options, formatting_options, parse_options
from app.settings import Settings
from app.streaming import (
    LiveOptions,
    PcmInput,
    StreamLimits,
    Streams,
    as_message,
    find_vad_model,
    live_options,
    recognize,
)
from app.telemetry import Telemetry
from nordlyd_client.cli.backends import LiveBackend
from nordlyd_client.contract.stream import End, Ready
from nordlyd_client.events import LiveEvent, read_event
from nordlyd_client.live import Pcm


@asynccontextmanager
async def open_local_live_backend(
    settings: Settings, options: Mapping[str, str]
) -> AsyncIterator[LiveBackend]:
    """Loads the one model that is needed, for as long as the block lasts.

    Args:
        settings: of the service.
        options: of the stream, by their names in the API.

    Raises:
        ClientError: the options are wrong, or the model cannot be loaded.
    """
    telemetry = Telemetry()
    fields = dict(options)
    model = fields.pop("model", None)
    with reported():
        parsed = parse_options(StreamOptions, fields)
        opened = live_options(
            parsed,
            decoding=decoding_options(parsed),
            formatting=formatting_options(parsed),
            request_id="stream",
        )
        service = build_service(
            settings_for_one(settings, model, parsed.language), telemetry, report=report_pull
        )
    streams = Streams(
        service, telemetry, StreamLimits(streams=1, idle_seconds=float("inf")), find_vad_model()
    )
    try:
        with reported():
            await service.load()
        yield _Local(streams, opened)
    finally:
        await streams.close()
        await service.stop()


@dataclass(frozen=True, slots=True)
class _Local:
    streams: Streams
    options: LiveOptions

    async def listen(
        self, pieces: AsyncIterable[bytes], pcm: Pcm
    ) -> AsyncGenerator[LiveEvent, None]:
        with reported():
            live = await self.streams.open(self.options)
            try:
                yield Ready(session=live.session, model=live.model, language=live.language)
                decoder = PcmInput(pcm.encoding, pcm.rate, pcm.channels)
                async with aclosing(recognize(live, decoder, pieces)) as events:
                    async for event in events:
                        if (read := read_event(as_message(event).as_dict())) is not None:
                            yield read
                yield End(duration=round(live.received_seconds, 3))
            finally:
                await live.close()
