"""What transcribes for the command line: this machine or a server, behind one small protocol."""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from app.api.align import AlignmentBody
from app.api.parameters import TranscribeParameters, parse, raw_format
from app.api.schemas import TranscriptionBody
from app.catalogue import Catalogue, PullPlan, Router
from app.cli.answers import as_aligned, as_transcript
from app.cli.inputs import Input
from app.client import AsyncClient, Retries
from app.errors import AudioError
from app.main import build_service
from app.pipeline import Transcriber, TranscriptionRequest
from app.settings import Settings
from app.telemetry import Telemetry
from app.transcript import AlignedTranscript, Transcript

# Told how many of how many parts of a recording are done.
Progress = Callable[[int, int], None]

# A server may be busy with somebody else's work, or be started anew: nothing is lost by waiting.
# At the beginning there is nothing to lose either, and a wrong address is more likely.
_PATIENCE = Retries(attempts=10, longest_wait=600.0)
_IMPATIENCE = Retries(attempts=1)


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A transcript, and the JSON that POST /transcribe answers with."""

    transcript: Transcript
    body: str


@dataclass(frozen=True, slots=True)
class Aligned:
    """An alignment, and the JSON that POST /align answers with."""

    transcript: AlignedTranscript
    body: str


class Transcribing(Protocol):
    """Turns recordings into text, several at once; cancelling a call ends its work."""

    async def transcribe(self, item: Input, progress: Progress) -> Transcribed:
        """Transcribe one recording.

        Raises:
            NordlydError: it cannot be transcribed.
        """

    async def align(self, item: Input, text: str) -> Aligned:
        """Find the words of a text in a recording.

        Raises:
            NordlydError: it cannot be aligned.
        """


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for every recording, as the API names it and in its words."""

    language: str | None
    model: str | None
    fields: Mapping[str, str]


@asynccontextmanager
async def on_this_machine(
    settings: Settings, wanted: Wanted, report: Callable[[PullPlan], None] | None = None
) -> AsyncIterator[Transcribing]:
    """Load the one model that is needed, for as long as the block lasts.

    Raises:
        NordlydError: nothing can be transcribed so, whatever the recordings are.
    """
    asked = parse(TranscribeParameters, wanted.fields)
    service = build_service(
        alone(settings, wanted.model, wanted.language), Telemetry(), report=report
    )
    try:
        await service.load()
        # What is wrong for every recording is told once.
        service.transcriber.route(None, wanted.language, asked.decoding(), asked.readable())
        yield _Local(service.transcriber, wanted.language, asked)
    finally:
        await service.stop()


@asynccontextmanager
async def on_a_server(server: str, key: str | None, wanted: Wanted) -> AsyncIterator[Transcribing]:
    """Speak to a server for as long as the block lasts.

    Raises:
        NordlydError: it cannot be reached, or would not accept what is asked for.
    """
    parse(TranscribeParameters, wanted.fields).readable()
    async with AsyncClient(server, key, retries=_IMPATIENCE) as client:
        await client.health()
    async with AsyncClient(server, key, retries=_PATIENCE) as client:
        yield _Remote(client, {**wanted.fields, **_chosen(wanted)})


def alone(settings: Settings, model: str | None, language: str | None) -> Settings:
    """The settings of a service with one model: the one named, or that the language leads to.

    The queue has no limit then, since only this command fills it.
    """
    reference = model
    if reference is None:
        catalogue = Catalogue.load(settings.catalogue)
        resolved = {catalogue.resolve(name).id: name for name in settings.models}
        cards = [catalogue.resolve(name).card for name in settings.models]
        router = Router(settings.routes, cards, settings.default_language)
        reference = resolved[router.route(None, language).id]
    return settings.model_copy(
        update={"models": [reference], "default_language": None, "max_queue_seconds": math.inf}
    )


@dataclass(frozen=True, slots=True)
class _Local:
    transcriber: Transcriber
    language: str | None
    asked: TranscribeParameters

    async def transcribe(self, item: Input, progress: Progress) -> Transcribed:
        transcript = await self.transcriber.transcribe(self._request(item), progress=progress)
        body = TranscriptionBody.of(transcript, words=True, request_id=item.shown)
        return Transcribed(transcript, body.to_json())

    async def align(self, item: Input, text: str) -> Aligned:
        aligned = await self.transcriber.align(self._request(item), text)
        body = AlignmentBody.of(aligned, characters=True, request_id=item.shown)
        return Aligned(aligned, body.to_json() + "\n")

    def _request(self, item: Input) -> TranscriptionRequest:
        try:
            source = item.open()
        except OSError as error:
            raise unreadable(error) from error
        return TranscriptionRequest(
            source=source,
            request_id=item.shown,
            raw=raw_format(self.asked, None),
            language=self.language,
            decoding=self.asked.decoding(),
            readable=self.asked.readable(),
        )


@dataclass(frozen=True, slots=True)
class _Remote:
    client: AsyncClient
    options: Mapping[str, Any]

    async def transcribe(self, item: Input, progress: Progress) -> Transcribed:  # noqa: ARG002
        try:
            with item.open() as file:
                answer = await self.client.transcribe(file, **self.options)
        except OSError as error:
            raise unreadable(error) from error
        return Transcribed(as_transcript(answer), answer.body)

    async def align(self, item: Input, text: str) -> Aligned:
        try:
            with item.open() as file:
                answer = await self.client.align(file, text, characters=True, **self.options)
        except OSError as error:
            raise unreadable(error) from error
        return Aligned(as_aligned(answer), answer.body + "\n")


def unreadable(error: OSError) -> AudioError:
    """What is said of a recording that cannot be opened."""
    return AudioError(f"Cannot be read: {error.strerror or error}.", param="file")


def _chosen(wanted: Wanted) -> dict[str, str]:
    return {
        name: value
        for name, value in (("language", wanted.language), ("model", wanted.model))
        if value is not None
    }
