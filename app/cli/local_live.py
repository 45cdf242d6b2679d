"""The live backend of this machine: the streaming engine, its events as a server sends them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager

from app.api.stream import StreamParameters, _body
from app.cli.local import reported, settings_for_one
from app.cli.models import report_pull
from app.main import build_service
from app.pipeline.options import formatting_options, parse_options
from app.settings import Settings
from app.streaming import LiveStream, PcmInput, StreamLimits, Streams, find_voice_model
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
        parameters = parse_options(StreamParameters, fields)
        formatting_options(parameters)
        service = build_service(
            settings_for_one(settings, model, parameters.language), telemetry, report=report_pull
        )
    streams = Streams(
        service, telemetry, StreamLimits(streams=1, idle_seconds=float("inf")), find_voice_model()
    )
    try:
        with reported():
            await service.load()
        yield _Local(streams, parameters)
    finally:
        await streams.close()
        await service.stop()


class _Local:
    def __init__(self, streams: Streams, parameters: StreamParameters) -> None:
        self._streams = streams
        self._parameters = parameters

    async def listen(
        self, pieces: AsyncIterable[bytes], pcm: Pcm
    ) -> AsyncGenerator[LiveEvent, None]:
        with reported():
            live = await self._streams.open(self._parameters.options("stream"))
        try:
            yield Ready(session=live.session, model=live.model, language=live.language)
            pushing = asyncio.create_task(_push(live, pieces, pcm))
            try:
                with reported():
                    async for event in live.events():
                        if (read := read_event(_body(event, words=True))) is not None:
                            yield read
                    await pushing
            finally:
                pushing.cancel()
                await asyncio.gather(pushing, return_exceptions=True)
            yield End(duration=round(live.received_seconds, 3))
        finally:
            await live.close()


async def _push(live: LiveStream, pieces: AsyncIterable[bytes], pcm: Pcm) -> None:
    decoder = PcmInput(pcm.encoding, pcm.rate, pcm.channels)
    try:
        async for piece in pieces:
            await live.push(decoder.feed(piece))
        await live.push(decoder.flush())
    finally:
        # Also where the source failed: the audio before that is transcribed.
        await live.finish()
