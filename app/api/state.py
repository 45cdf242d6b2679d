"""The parts of the service that routes use, as `main` joined them."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.errors import UrlRefusedError
from app.fetching import Fetcher
from app.jobs import Jobs
from app.keys import KeyRing, QuotaLimiter
from app.known_speakers import KnownSpeakers
from app.pipeline import Service
from app.pipeline.progress import ProgressBoard
from app.rendering import RenderPool
from app.settings import Settings
from app.streaming import LiveStreams
from app.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class AppState:
    """The parts of the service that a route may use.

    Attributes:
        settings: of the process.
        telemetry: metrics.
        service: models, engine and pipeline.
        live: open live streams.
        jobs: recordings that were handed in.
        known_speakers: voices that callers have kept.
        fetcher: fetches recordings from URLs; None where the operator allows no hosts.
        progress: of running requests.
        rendering: processes that write formats.
        keys: the API keys that are accepted; by default none is needed.
        quotas: what each key may use; by default nothing is limited.
    """

    settings: Settings
    telemetry: Telemetry
    service: Service
    live: LiveStreams
    jobs: Jobs
    known_speakers: KnownSpeakers
    fetcher: Fetcher | None = None
    progress: ProgressBoard = field(default_factory=ProgressBoard)
    rendering: RenderPool = field(default_factory=RenderPool)
    keys: KeyRing = field(default_factory=KeyRing)
    quotas: QuotaLimiter = field(default_factory=QuotaLimiter)

    def need_fetcher(self) -> Fetcher:
        """Returns the fetcher of recordings.

        Raises:
            UrlRefusedError: the operator allows no hosts.
        """
        if self.fetcher is None:
            raise UrlRefusedError(
                "This service fetches nothing from URLs; accepted: the audio itself.", param="url"
            )
        return self.fetcher


# Not awaiting, but FastAPI calls plain functions on another thread, which costs more than the rest.
async def _app_state(connection: HTTPConnection) -> AppState:
    return cast("AppState", connection.app.state.app_state)


AppStateOf = Annotated[AppState, Depends(_app_state)]
