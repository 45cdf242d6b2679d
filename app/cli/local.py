"""The backends of this machine: the model in memory, and the service's pipeline or its streams."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from app.audio.content_types import decode_options
from app.cli.models import report_pull
from app.contract.languages import detection_mode
from app.contract.options import TranscribeOptions
from app.contract.stream import StreamOptions
from app.errors import InvalidRequestError, NordlydError
from app.main import build_service
from app.model_loading import settings_for_detection, settings_for_one
from app.pipeline import Route, Transcriber, TranscriptionRequest
from app.pipeline.options import (
    decoding_options,
    diarization_options,
    formatting_options,
    parse_options,
    redaction_options,
)
from app.settings import Settings
from app.speakers import DiarizationOptions
from app.streaming import (
    LabelledStreams,
    LiveOptions,
    LiveStreams,
    PcmInput,
    StreamLimits,
    Streams,
    as_message,
    find_vad_model,
    live_options,
    recognize,
)
from app.telemetry import Telemetry
from nordlyd_client.cli.backends import Backend, Input, LiveBackend, Progress, unreadable
from nordlyd_client.contract.stream import End, Ready
from nordlyd_client.errors import ClientError
from nordlyd_client.events import LiveEvent, read_event
from nordlyd_client.live import Pcm
from nordlyd_client.values import ALIGNMENT, TRANSCRIPTION, Alignment, Transcription, read_value

# As many bytes of recordings fit into memory, decoded, on any machine that holds a model.
_BUDGET_BYTES = 32 * 2**20


@asynccontextmanager
async def open_local_backend(
    settings: Settings, options: Mapping[str, str]
) -> AsyncIterator[Backend]:
    """Loads the one model that is needed, or all where the language is detected.

    They stay for as long as the block lasts.

    Args:
        settings: of the service.
        options: of every request, by their names in the API.

    Raises:
        ClientError: the options are wrong, or the model cannot be loaded.
    """
    with reported():
        fields = dict(options)
        model, language = fields.pop("model", None), fields.pop("language", None)
        parsed = parse_options(TranscribeOptions, fields)
        diarization = diarization_options(parsed)
        if parsed.known_speakers:
            raise InvalidRequestError(
                "known_speakers names the speakers that a server keeps; accepted with it: "
                "--server.",
                param="known_speakers",
            )
        if model is None and detection_mode(language) is not None:
            chosen = settings_for_detection(settings)
        else:
            chosen = settings_for_one(settings, model, language)
        service, _ = build_service(chosen, Telemetry(), report=report_pull)
        service.transcriber.check_diarization(diarization)
    try:
        with reported():
            await service.load()
            # An option that is wrong for every recording is reported once.
            route = service.transcriber.route(
                None,
                language,
                decoding_options(parsed),
                formatting_options(parsed),
                redaction_options(parsed),
                detect=True,
            )
        yield _Local(service.transcriber, route, parsed, diarization, Budget(_BUDGET_BYTES))
    finally:
        await service.stop()


@contextmanager
def reported() -> Iterator[None]:
    """Raises the service's exceptions as the client would raise them for a server's answer."""
    try:
        yield
    except NordlydError as error:
        raise ClientError(
            error.message,
            param=error.param,
            type=error.type,
            code=error.code,
            status=error.status,
        ) from error


@dataclass(frozen=True, slots=True)
class _Local:
    transcriber: Transcriber
    route: Route
    options: TranscribeOptions
    diarization: DiarizationOptions | None
    budget: "Budget"

    def at_once(self, jobs: int) -> int:
        return jobs

    async def kept(self, item: Input) -> None:
        """Does nothing: this machine keeps nothing."""

    async def transcribe(self, item: Input, progress: Progress) -> Transcription:
        async with self.budget.hold(item.size):
            with reported():
                transcript = await self.transcriber.transcribe(
                    replace(self._request(item), diarization=self.diarization), progress=progress
                )
        return read_value(TRANSCRIPTION, transcript.to_json())

    async def align(self, item: Input, text: str) -> Alignment:
        with reported():
            aligned = await self.transcriber.align(self._request(item), text)
        return read_value(ALIGNMENT, aligned.to_json())

    def _request(self, item: Input) -> TranscriptionRequest:
        try:
            source = item.open()
        except OSError as error:
            raise unreadable(error) from error
        return TranscriptionRequest(
            source=source,
            request_id=item.shown,
            route=self.route,
            audio=decode_options(self.options),
            wait_for_room=True,
        )


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
            redaction=redaction_options(parsed),
            request_id="stream",
        )
        service, recognition = build_service(
            settings_for_one(settings, model, parsed.language), telemetry, report=report_pull
        )
    streams = Streams(
        service,
        recognition,
        telemetry,
        StreamLimits(streams=1, idle_seconds=float("inf")),
        find_vad_model(),
    )
    try:
        with reported():
            await service.load()
        labelled = LabelledStreams(streams, service.transcriber.diarizer, keep_seconds=0.0)
        yield _LiveLocal(labelled, opened)
    finally:
        await streams.close()
        await service.stop()


@dataclass(frozen=True, slots=True)
class _LiveLocal:
    streams: LiveStreams
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


class Budget:
    """Lets work begin in order while everything in progress is within a sum.

    A file larger than the sum is processed alone.

    Args:
        size: the sum, in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._freed = asyncio.Condition()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Waits until a file of so many bytes fits, and counts it while the block lasts."""
        # A file that waits holds up those behind it, or small files would keep a large one out.
        async with self._turn, self._freed:
            await self._freed.wait_for(lambda: not self._used or self._used + size <= self._size)
            self._used += size
        try:
            yield
        finally:
            self._used -= size
            async with self._freed:
                self._freed.notify_all()
