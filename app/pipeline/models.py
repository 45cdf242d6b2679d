"""Loads, replaces and unloads models while the service runs.

A request is routed once and holds its model from then on. So a change concerns the requests that
come after it, and a model leaves the memory once the last request that holds it has ended.
"""

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

import structlog

from app.errors import (
    ConfigurationError,
    ModelConflictError,
    ModelLoadError,
    UnavailableError,
    UnknownModelError,
)
from app.pipeline.loading import ModelSource
from app.pipeline.model_engine import ModelEngine
from app.pipeline.requests import AvailableModel
from app.pipeline.transcriber import Transcriber

FindSource = Callable[[str, bool], ModelSource]
"""Returns the model that a reference means, and may pull its files from the hub; blocks.

Raises `UnknownModelError` where the operator allows no such model, and `ConfigurationError` where
its files are missing.
"""

_COLLECT_SECONDS = 5.0
_MAX_COLLECT_SECONDS = 120.0

_log = structlog.get_logger("nordlyd.service")


def find_no_source(reference: str, pull: bool) -> ModelSource:  # noqa: ARG001
    """Finds no model: for a service whose models do not change."""
    raise UnknownModelError(f"{reference!r} is no model that may be loaded.", param="model")


class ModelManager:
    """Changes the models of a running service, one change at a time.

    Args:
        find: finds the models that may be loaded.
        engine: loads them and computes with them.
        transcriber: routes requests to them.
    """

    def __init__(self, find: FindSource, engine: ModelEngine, transcriber: Transcriber) -> None:
        self._find = find
        self._engine = engine
        self._transcriber = transcriber
        self._lock = asyncio.Lock()
        self._revisions: Counter[str] = Counter()
        self._loading: str | None = None
        self._unloading: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def loaded(self) -> Sequence[AvailableModel]:
        """The models that serve requests."""
        return self._transcriber.models

    @property
    def loading(self) -> str | None:
        """Id of the model that is being loaded, if any."""
        return self._loading

    @property
    def unloading(self) -> Sequence[str]:
        """Ids of the models that serve no new requests, and that running ones still use."""
        return tuple(self._unloading.values())

    async def load(
        self, reference: str, *, replaced: str | None = None, pull: bool = False
    ) -> AvailableModel:
        """Loads a model, and has it serve requests once it is warmed up.

        Args:
            reference: the model, as in NORDLYD_MODELS.
            replaced: id of a loaded model whose place it takes, and which is then unloaded; may be
                its own id.
            pull: whether to fetch its files from the hub where they are not on this machine.

        Raises:
            UnknownModelError: the operator allows no such model, or the replaced one is not loaded.
            ModelLoadError: its files are missing or unusable, or it does not fit into the memory.
            ModelConflictError: it is loaded already, or the replaced one cannot be missed.
            UnavailableError: the device does not answer.
        """
        async with self._lock:
            try:
                source = await asyncio.to_thread(self._find, reference, pull)
            except ConfigurationError as error:
                raise ModelLoadError(error.message, param="model") from error
            self._check(source.card.id, replaced)
            self._loading = source.card.id
            try:
                model = await self._load(source)
            finally:
                self._loading = None
            try:
                self._switch(model, replaced)
            except ModelConflictError:
                await self._engine.remove(model.encoder_name)
                raise
            return model

    def unload(self, model_id: str) -> None:
        """Routes no more requests to a model; it leaves the memory after those that run.

        Raises:
            UnknownModelError: it is not loaded.
            ModelConflictError: it is the only one, or the only one of the default language.
        """
        self._require(model_id)
        self._switch(None, model_id)

    async def close(self) -> None:
        """Waits for no model any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _check(self, model_id: str, replaced: str | None) -> None:
        if replaced is not None:
            self._require(replaced)
        ids = {model.card.id for model in self.loaded}
        if model_id in ids and model_id != replaced:
            raise ModelConflictError(
                f"{model_id} is loaded already; to load it anew, name it in `replace` too.",
                param="model",
            )

    def _require(self, model_id: str) -> AvailableModel:
        for model in self.loaded:
            if model.card.id == model_id:
                return model
        raise UnknownModelError(
            f"{model_id!r} is not loaded; loaded: {', '.join(m.card.id for m in self.loaded)}.",
            param="model",
        )

    async def _load(self, source: ModelSource) -> AvailableModel:
        try:
            loaded = await self._engine.load(source)
            self._revisions[source.card.id] += 1
            model = loaded.with_revision(self._revisions[source.card.id])
            await self._engine.add(model)
        except ConfigurationError as error:
            raise ModelLoadError(error.message, param="model") from error
        return model

    def _switch(self, added: AvailableModel | None, removed: str | None) -> None:
        former = None if removed is None else self._require(removed)
        if added is None and len(self.loaded) == 1:
            raise ModelConflictError(
                f"{removed} is the only loaded model: load another one first, or name it in "
                "`replace`.",
                param="model",
            )
        try:
            self._transcriber.switch(add=added, remove=removed)
        except ConfigurationError as error:
            raise ModelConflictError(
                f"Without {removed} the service cannot run: {error.message}.", param="model"
            ) from error
        if former is not None:
            self._release(former)

    def _release(self, model: AvailableModel) -> None:
        """Unloads a model as soon as nothing holds it any more."""
        loop, name = asyncio.get_running_loop(), model.encoder_name

        def released() -> None:
            # Called in whatever thread the last holder ends in.
            with suppress(RuntimeError):  # the event loop may be closed by now
                loop.call_soon_threadsafe(lambda: self._run(self._unload(name)))

        self._unloading[name] = model.card.id
        weakref.finalize(model, released).atexit = False
        self._run(self._collect(name))

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _collect(self, name: str) -> None:
        """Collects garbage until a model is gone: a cycle of a failed request may hold it."""
        seconds = _COLLECT_SECONDS
        while name in self._unloading:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(gc.collect)
            seconds = min(2 * seconds, _MAX_COLLECT_SECONDS)

    async def _unload(self, name: str) -> None:
        try:
            await self._engine.remove(name)
        except UnavailableError as error:
            _log.warning("model not unloaded", model=name, reason=error.message)
            return
        model_id = self._unloading.pop(name)
        await asyncio.to_thread(self._engine.release)
        _log.info("model unloaded", model=model_id)
