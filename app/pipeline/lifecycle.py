"""The lifecycle of one service: it loads its models, serves, drains and stops.

`readiness` is which of these it does, `admit` and `hold` count the work in flight, and `admission`
refuses requests that would be answered too late.
"""

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import structlog

from app.errors import ConfigurationError, NordlydError, UnavailableError
from app.pipeline.admission import RequestAdmission
from app.pipeline.loading import ModelSource
from app.pipeline.model_engine import ModelEngine
from app.pipeline.models import FindSource, ModelManager, find_no_source
from app.pipeline.requests import AvailableModel
from app.pipeline.transcriber import Transcriber
from app.pipeline.workload import Workload
from app.telemetry import Telemetry

State = Literal["loading", "ready", "draining", "hung", "failed"]

# A service never returns to an earlier state. `hung` is no state of its own: it is how a service
# that is ready appears while a device does not answer.
_ORDER: tuple[State, ...] = ("loading", "ready", "draining", "failed")
_RETRY_SECONDS: dict[State, float] = {
    "loading": 2.0,
    "draining": 5.0,
    "hung": 30.0,
    "failed": 30.0,
}

_log = structlog.get_logger("nordlyd.service")


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of the service; `reason` is why it is not ready, empty when it is."""

    state: State
    reason: str = ""

    @property
    def ready(self) -> bool:
        """New work is accepted."""
        return self.state == "ready"


class Service:
    """One running service.

    Args:
        sources: the models to load, in order.
        engine: loads them and computes with them.
        transcriber: receives every model once all are loaded.
        telemetry: where readiness is published.
        find: finds the models that may be loaded later; none by default.
        patience: seconds within which a request without a deadline expects its answer.

    Attributes:
        workload: the requests with a recording that were accepted.
        admission: refuses those that would be answered too late.
        failure: why a model could not be loaded; None where none failed.
        draining: set when the service begins to stop, and waits for running requests.
        cut_off: set when it no longer waits for them.
    """

    def __init__(
        self,
        sources: Sequence[ModelSource],
        engine: ModelEngine,
        transcriber: Transcriber,
        telemetry: Telemetry,
        *,
        find: FindSource = find_no_source,
        patience: float = math.inf,
    ) -> None:
        self.engine = engine
        self.transcriber = transcriber
        self.models = ModelManager(find, engine, transcriber)
        self.workload = Workload(engine.mean_real_time_factor)
        self.admission = RequestAdmission(
            self.workload, patience=patience, background_seconds=engine.background_seconds
        )
        self.failure: ConfigurationError | None = None
        self.draining = asyncio.Event()
        self.cut_off = asyncio.Event()
        self._sources = tuple(sources)
        self._state = Readiness("loading", "the models are not loaded yet")
        self._running = 0
        self._loading: asyncio.Task[None] | None = None
        telemetry.ready.set_function(lambda: float(self.readiness.ready))

    def start(self) -> None:
        """Loads the models in the background; `failure` is set if one cannot be loaded."""
        self._loading = asyncio.create_task(self._load_in_background(), name="load-models")

    async def load(self) -> None:
        """Loads every model and warms it up.

        Raises:
            ConfigurationError: a checkpoint cannot be used; the message names it.
        """
        # Before torch: what is forked later shares none of its memory, threads or devices.
        self.transcriber.media.start()
        models: list[AvailableModel] = []
        for number, source in enumerate(self._sources, 1):
            self._enter("loading", f"loading {source.card.id} ({number} of {len(self._sources)})")
            models.append(await self.engine.load(source))
        self._enter("loading", "the models are being warmed up")
        await self.engine.start(models)
        for model in models:
            self.transcriber.add(model)
        self._enter("ready")

    @property
    def readiness(self) -> Readiness:
        """Whether new work is accepted, and if not, why."""
        if self._state.ready and (fault := self.engine.status().fault):
            return Readiness("hung", fault)
        return self._state

    @property
    def idle(self) -> bool:
        """No admitted work is unanswered."""
        return self._running == 0

    def check_ready(self) -> None:
        """Does nothing while new work is accepted.

        Raises:
            UnavailableError: it is not; with the reason, and when to try again.
        """
        readiness = self.readiness
        if not readiness.ready:
            raise UnavailableError(
                f"Not ready: {readiness.reason}.",
                code=readiness.state,
                retry_after=_RETRY_SECONDS[readiness.state],
            )

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Counts the work inside as running, if new work is accepted.

        Raises:
            UnavailableError: no new work is accepted.
        """
        self.check_ready()
        with self.hold():
            yield

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Counts the work inside as running, whatever the state; a drain waits for it."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def begin_drain(self) -> None:
        """Refuses new work from now on; running work continues."""
        self._enter("draining", "the service is stopping")
        self.draining.set()

    async def stop(self) -> None:
        """Cuts off running work, and ends the threads and processes."""
        self.begin_drain()
        self.cut_off.set()
        if self._loading is not None:
            self._loading.cancel()
        await self.models.close()
        self.transcriber.close()
        self.engine.stop()

    def _enter(self, state: State, reason: str = "") -> None:
        """Changes the state; a service that drains or has failed is not ready any more."""
        if _ORDER.index(state) >= _ORDER.index(self._state.state):
            self._state = Readiness(state, reason)

    async def _load_in_background(self) -> None:
        try:
            await self.load()
        except NordlydError as error:
            self._fail(ConfigurationError(error.message, param=error.param))
        # This task is never awaited: an error that is not caught here would leave the service in
        # the state `loading` for ever.
        except Exception as error:
            _log.debug("warm-up failed", exc_info=True)
            self._fail(
                ConfigurationError(
                    f"the models cannot be warmed up: {type(error).__name__}: {error}"
                )
            )

    def _fail(self, failure: ConfigurationError) -> None:
        self.failure = failure
        self._enter("failed", failure.message)
