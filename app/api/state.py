"""What the routes are given: the parts of the service, as `main` joined them."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.errors import UrlRefusedError
from app.fetching import Fetcher
from app.pipeline import Service
from app.pipeline.progress import ProgressBoard
from app.rendering import RenderPool
from app.settings import Settings
from app.streaming import LiveStreams
from app.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class AppState:
    """The parts a route may use; without a `fetcher`, nothing is fetched from URLs."""

    settings: Settings
    telemetry: Telemetry
    service: Service
    live: LiveStreams
    fetcher: Fetcher | None = None
    progress: ProgressBoard = field(default_factory=ProgressBoard)
    rendering: RenderPool = field(default_factory=RenderPool)

    def need_fetcher(self) -> Fetcher:
        """Return what fetches recordings.

        Raises:
            UrlRefusedError: the operator allows no hosts.
        """
        if self.fetcher is None:
            raise UrlRefusedError(
                "This service fetches nothing from URLs; accepted: the audio itself.", param="url"
            )
        return self.fetcher


def _parts(connection: HTTPConnection) -> AppState:
    return cast("AppState", connection.app.state.parts)


AppStateOf = Annotated[AppState, Depends(_parts)]
