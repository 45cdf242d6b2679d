"""Where the models of a service are: `ModelEngine` is the interface, `LocalEngine` this process."""

from collections.abc import Sequence
from typing import Protocol

from app.engine import Engine, EngineStatus
from app.pipeline.loading import ModelLoader, ModelSource
from app.pipeline.requests import AvailableModel, LoadedModel


class ModelEngine(Protocol):
    """Loads the models of a service, computes with them, and reports on its work."""

    async def load(self, source: ModelSource) -> AvailableModel:
        """Loads one model; it serves requests once it was added.

        Raises:
            ConfigurationError: it cannot be used; the message names it.
        """

    async def start(self, models: Sequence[AvailableModel]) -> None:
        """Adds the first models; raises as `add`."""

    async def add(self, model: AvailableModel) -> None:
        """Has one more model serve requests; other models serve meanwhile.

        Raises:
            ConfigurationError: it does not fit into its device's memory.
            UnavailableError: its device does not answer, or this was stopped.
        """

    async def remove(self, encoder: str) -> None:
        """Drops a model, by the name of its encoder; no request for it may be under way.

        Raises:
            UnavailableError: its device does not answer.
        """

    def release(self) -> None:
        """Returns the memory of models that are gone to the system; blocks."""

    def stop(self) -> None:
        """Fails the pending requests, and ends the computing."""

    def status(self) -> EngineStatus:
        """The state of the queue and the devices; cheap enough for a readiness probe."""

    def callers(self) -> dict[str, tuple[int, float]]:
        """Returns how many requests, and how much audio in seconds, each caller has here."""

    def mean_real_time_factor(self) -> float:
        """Returns the mean over the models of the compute seconds per audio second, or 0."""

    def background_seconds(self) -> float:
        """Returns how long the batches in the background that run now may take, at most."""


class LocalEngine:
    """A `ModelEngine` in this process.

    Args:
        loader: loads the models.
        engine: runs their encoders.
    """

    def __init__(self, loader: ModelLoader, engine: Engine) -> None:
        self._loader = loader
        self._engine = engine
        self.stop = engine.stop
        self.status = engine.status
        self.callers = engine.callers
        self.mean_real_time_factor = engine.mean_real_time_factor
        self.background_seconds = engine.background_seconds
        self.remove = engine.remove
        self.release = loader.release

    async def load(self, source: ModelSource) -> LoadedModel:
        """Reads a model into memory; raises as `ModelLoader.load_model`."""
        return await self._loader.load_model(source)

    async def start(self, models: Sequence[AvailableModel]) -> None:
        """Starts the device threads and warms up these models; raises as `Engine.start`."""
        await self._engine.start()
        for model in models:
            await self.add(model)

    async def add(self, model: AvailableModel) -> None:
        """Warms up one more model, then serves it; raises as `Engine.add`."""
        assert isinstance(model, LoadedModel)
        await self._engine.add(model.encoder_name, model.acoustic)
