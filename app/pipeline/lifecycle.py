"""What runs: models on their way into memory, work in flight, and whether more is welcome.

Checkpoint folders go in; `readiness` and `admit` come out. One `Service` is one life: it loads,
serves, drains and stops.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar, cast

import structlog

from app.catalogue import ModelCard
from app.decoding import BackendName, ModelDecoders, open_decoders
from app.engine import Engine
from app.errors import ConfigurationError, NordlydError, UnavailableError
from app.pipeline.requests import AcousticModel, LoadedModel
from app.pipeline.transcriber import Transcriber
from app.telemetry import Telemetry
from app.vocabulary import Vocabulary

State = Literal["loading", "ready", "draining", "hung", "failed"]

_LOADING_RETRY_SECONDS = 2.0
_DRAINING_RETRY_SECONDS = 5.0
_HUNG_RETRY_SECONDS = 30.0

_T = TypeVar("_T")
_log = structlog.get_logger("nordlyd.service")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model to load: its card, the folder with its files, and one the operator may add to."""

    card: ModelCard
    folder: Path
    beside: Path | None = None


def decoders_beside(
    source: ModelSource, vocabulary: Vocabulary, backend: BackendName = "auto"
) -> ModelDecoders:
    """Open a model's decoders, with the language models in its folder and beside it.

    Raises:
        ConfigurationError: a language model cannot be loaded.
    """
    folders = [source.folder, *([source.beside] if source.beside else [])]
    defaults = source.card.decoding.model_dump(exclude_none=True)
    return open_decoders(vocabulary, tuple(folders), backend, tuple(defaults.items()))


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of the service; `reason` says why it is not ready and is empty when it is."""

    state: State
    reason: str = ""

    @property
    def ready(self) -> bool:
        """New work is welcome."""
        return self.state == "ready"


class Service:
    """The life of one running service.

    Args:
        sources: the models to load, in order.
        load: reads a checkpoint; runs in a thread.
        engine: runs the encoders.
        transcriber: gets every model once it is loaded.
        telemetry: told whether the service is ready.
        decoders: opens the decoders of a model that was loaded; runs in a thread.
    """

    def __init__(
        self,
        sources: Sequence[ModelSource],
        load: Callable[[ModelSource], AcousticModel],
        engine: Engine,
        transcriber: Transcriber,
        telemetry: Telemetry,
        *,
        decoders: Callable[[ModelSource, Vocabulary], ModelDecoders] = decoders_beside,
    ) -> None:
        self.engine = engine
        self.transcriber = transcriber
        self.failure: ConfigurationError | None = None
        self.cut_off = asyncio.Event()
        self._sources = tuple(sources)
        self._load = load
        self._decoders = decoders
        self._progress = "the models are not loaded yet"
        self._loaded = False
        self._draining = False
        self._running = 0
        self._requests: Counter[str] = Counter()
        self._loading: asyncio.Task[None] | None = None
        telemetry.ready.set_function(lambda: float(self.readiness.ready))

    def start(self) -> None:
        """Load the models in the background; `failure` is set if one cannot be."""
        self._loading = asyncio.create_task(self._load_in_background(), name="load-models")

    async def load(self) -> None:
        """Load every model and warm it up.

        Raises:
            ConfigurationError: a checkpoint cannot be used; the message names it.
        """
        # Before torch: what is forked later shares none of its memory, threads or devices.
        self.transcriber.media.start()
        models: list[LoadedModel] = []
        for number, source in enumerate(self._sources, 1):
            name = source.card.id
            self._progress = f"loading {name} ({number} of {len(self._sources)})"
            model = await _in_daemon_thread(partial(self._load_one, source))
            models.append(model)
            acoustic = model.acoustic
            _log.info(
                "model loaded",
                model=name,
                device=acoustic.device,
                dtype=acoustic.dtype,
                kernels=acoustic.kernels,
                decoder=model.decoders.backend,
                parameters=acoustic.parameters,
                language_models=model.decoders.language_models,
            )
        self._progress = "the models are being warmed up"
        await self.engine.start({model.card.id: model.acoustic for model in models})
        for model in models:
            self.transcriber.add(model)
        self._loaded = True

    @property
    def readiness(self) -> Readiness:
        """Whether new work is welcome, and if not, why."""
        if self.failure is not None:
            return Readiness("failed", self.failure.message)
        if self._draining:
            return Readiness("draining", "the service is stopping")
        if not self._loaded:
            return Readiness("loading", self._progress)
        status = self.engine.status()
        if not status.ready:
            return Readiness("hung", status.reason)
        return Readiness("ready")

    @property
    def idle(self) -> bool:
        """Nothing admitted is unanswered."""
        return self._running == 0

    def check_ready(self) -> None:
        """Do nothing while new work is welcome.

        Raises:
            UnavailableError: it is not; says why, and when to ask again.
        """
        readiness = self.readiness
        match readiness.state:
            case "ready":
                return
            case "loading":
                retry_after = _LOADING_RETRY_SECONDS
            case "draining":
                retry_after = _DRAINING_RETRY_SECONDS
            case _:
                retry_after = _HUNG_RETRY_SECONDS
        raise UnavailableError(
            f"Not ready: {readiness.reason}.", code=readiness.state, retry_after=retry_after
        )

    @contextmanager
    def admit(self, caller: str | None = None) -> Iterator[None]:
        """Hold the service up until the work inside is answered.

        Args:
            caller: who sent a request that is on its way to the queue; None for other work.

        Raises:
            UnavailableError: no new work is welcome.
        """
        self.check_ready()
        if caller is not None:
            self._requests[caller] += 1
        try:
            with self.hold():
                yield
        finally:
            if caller is not None:
                self._requests[caller] -= 1
                self._requests += Counter()  # drops those that are at 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the service up until the work inside is answered, whatever its state."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def check_room(self, caller: str, deadline: float | None = None) -> None:
        """Refuse a request that was admitted before its body is read, if it would wait too long.

        Args:
            caller: who sends it.
            deadline: instant of `time.monotonic` after which no answer is wanted.

        Raises:
            OverloadedError: with the seconds until it would be let in.
        """
        others = self._requests - Counter({caller: 1})
        self.engine.check_before_body(caller, others, deadline)

    def begin_drain(self) -> None:
        """Refuse new work from now on; what runs goes on."""
        self._draining = True

    async def stop(self) -> None:
        """End what is left, and the threads."""
        self._draining = True
        self.cut_off.set()
        if self._loading is not None:
            self._loading.cancel()
        self.transcriber.close()
        self.engine.stop()

    async def _load_in_background(self) -> None:
        try:
            await self.load()
        except NordlydError as error:
            self.failure = ConfigurationError(error.message, param=error.param)
        # Nobody awaits this task: what is not caught here would leave the service loading for ever.
        except Exception as error:
            _log.debug("warm-up failed", exc_info=True)
            self.failure = ConfigurationError(
                f"the models cannot be warmed up: {type(error).__name__}: {error}"
            )

    def _load_one(self, source: ModelSource) -> LoadedModel:
        try:
            acoustic = self._load(source)
            return LoadedModel(source.card, acoustic, self._decoders(source, acoustic.vocabulary))
        except NordlydError as error:
            raise ConfigurationError(
                f"model {source.card.id}: {error.message}", param=error.param
            ) from error
        # Whatever a damaged file makes the readers raise must end in one line, not in a trace.
        except Exception as error:
            _log.debug("model failed to load", model=source.card.id, exc_info=True)
            raise ConfigurationError(
                f"model {source.card.id} cannot be loaded from {source.folder}: "
                f"{type(error).__name__}: {error}"
            ) from error


async def _in_daemon_thread(function: Callable[[], _T]) -> _T:
    """Run a function beside the event loop without keeping the process from ending.

    Reading gigabytes cannot be interrupted, and a pool's threads are waited for at the end.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(cast("_T", result))

    def run() -> None:
        try:
            outcome: tuple[_T | None, Exception | None] = function(), None
        except Exception as error:
            outcome = None, error
        with suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="nordlyd-load", daemon=True).start()
    return await answer
