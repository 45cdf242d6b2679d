"""The command line's own work: one model in memory, recordings through the service's pipeline."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.audio.content_types import decode_options
from app.catalogue import Catalogue, PullPlan, Router
from app.cli.budget import Budget
from app.cli.inputs import Input
from app.cli.transcribing import Aligned, Progress, Transcribed, Transcribing, Wanted, unreadable
from app.contract.options import TranscribeOptions
from app.main import build_service
from app.pipeline import Route, Transcriber, TranscriptionRequest
from app.pipeline.options import decoding_options, formatting_options, parse_options
from app.settings import Settings
from app.telemetry import Telemetry

# As many bytes of recordings fit into memory, decoded, on any machine that holds a model.
_BUDGET_BYTES = 32 * 2**20


@asynccontextmanager
async def on_this_machine(
    settings: Settings, wanted: Wanted, report: Callable[[PullPlan], None] | None = None
) -> AsyncIterator[Transcribing]:
    """Load the one model that is needed, for as long as the block lasts.

    Raises:
        NordlydError: nothing can be transcribed so, whatever the recordings are.
    """
    asked = parse_options(TranscribeOptions, wanted.fields)
    service = build_service(
        alone(settings, wanted.model, wanted.language), Telemetry(), report=report
    )
    try:
        await service.load()
        # What is wrong for every recording is told once.
        route = service.transcriber.route(
            None, wanted.language, decoding_options(asked), formatting_options(asked)
        )
        yield _Local(service.transcriber, route, asked, Budget(_BUDGET_BYTES))
    finally:
        await service.stop()


def alone(settings: Settings, model: str | None, language: str | None) -> Settings:
    """The settings of a service with one model: the one named, or that the language leads to.

    The queue has no limit then, since only this command fills it.
    """
    reference = model
    if reference is None:
        catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
        resolved = {catalogue.resolve(name).id: name for name in settings.models}
        cards = [catalogue.resolve(name).card for name in settings.models]
        router = Router(settings.routes, cards, settings.default_language)
        reference = resolved[router.route(None, language).id]
    return settings.model_copy(
        update={
            "models": [reference],
            "default_language": None,
            "max_queue_seconds": math.inf,
            "max_wait_seconds": math.inf,
        }
    )


@dataclass(frozen=True, slots=True)
class _Local:
    transcriber: Transcriber
    route: Route
    asked: TranscribeOptions
    budget: Budget

    async def transcribe(self, item: Input, progress: Progress) -> Transcribed:
        async with self.budget.hold(item.size):
            transcript = await self.transcriber.transcribe(self._request(item), progress=progress)
        return Transcribed(transcript, transcript.to_json())

    async def align(self, item: Input, text: str) -> Aligned:
        aligned = await self.transcriber.align(self._request(item), text)
        return Aligned(aligned, aligned.to_json() + "\n")

    def _request(self, item: Input) -> TranscriptionRequest:
        try:
            source = item.open()
        except OSError as error:
            raise unreadable(error) from error
        return TranscriptionRequest(
            source=source,
            request_id=item.shown,
            route=self.route,
            audio=decode_options(self.asked),
            wait_for_room=True,
        )
