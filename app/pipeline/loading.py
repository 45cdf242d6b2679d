"""Loads a model: its encoder and its decoders, from its card and folder."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import structlog

from app.allocator import trim
from app.catalogue import ModelCard
from app.decoding import BackendName, ModelDecoders, open_decoders
from app.errors import ConfigurationError, NordlydError
from app.pipeline.requests import AcousticModel, LoadedModel
from app.vocabulary import Vocabulary

_T = TypeVar("_T")
_log = structlog.get_logger("nordlyd.service")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model to load.

    Attributes:
        card: what is known of it.
        folder: holds its checkpoint, and its language models where it has some.
        extra_folder: holds further language models, which the operator added.
    """

    card: ModelCard
    folder: Path
    extra_folder: Path | None = None


def open_model_decoders(
    source: ModelSource, vocabulary: Vocabulary, backend: BackendName = "auto"
) -> ModelDecoders:
    """Opens a model's decoders, with the language models of both its folders.

    Raises:
        ConfigurationError: a language model cannot be loaded.
    """
    folders = [source.folder, *([source.extra_folder] if source.extra_folder else [])]
    defaults = source.card.decoding.model_dump(exclude_none=True)
    return open_decoders(vocabulary, tuple(folders), backend, tuple(defaults.items()))


@dataclass(frozen=True, slots=True)
class ModelLoader:
    """Loads models one after another, each in a thread.

    Attributes:
        load: reads a checkpoint.
        open_decoders: opens the decoders of a model whose checkpoint was read.
        release: returns the memory of a model that is gone to the system; blocks.
    """

    load: Callable[[ModelSource], AcousticModel]
    open_decoders: Callable[[ModelSource, Vocabulary], ModelDecoders] = open_model_decoders
    release: Callable[[], None] = trim

    async def load_model(self, source: ModelSource) -> LoadedModel:
        """Loads one model.

        Raises:
            ConfigurationError: it cannot be used; the message names it.
        """
        model = await _run_in_daemon_thread(lambda: self._load(source))
        acoustic = model.acoustic
        _log.info(
            "model loaded",
            model=source.card.id,
            device=acoustic.device,
            dtype=acoustic.dtype,
            kernels=acoustic.kernels,
            decoder=model.decoders.backend,
            parameters=acoustic.parameters,
            language_models=model.decoders.language_models,
        )
        return model

    def _load(self, source: ModelSource) -> LoadedModel:
        try:
            acoustic = self.load(source)
            decoders = self.open_decoders(source, acoustic.vocabulary)
        except NordlydError as error:
            raise ConfigurationError(
                f"model {source.card.id}: {error.message}", param=error.param
            ) from error
        # A damaged file can make its reader raise anything; the operator gets one line.
        except Exception as error:
            _log.debug("model failed to load", model=source.card.id, exc_info=True)
            raise ConfigurationError(
                f"model {source.card.id} cannot be loaded from {source.folder}: "
                f"{type(error).__name__}: {error}"
            ) from error
        return LoadedModel(source.card, acoustic, decoders)


async def _run_in_daemon_thread(function: Callable[[], _T]) -> _T:
    """Runs a function beside the event loop without keeping the process from ending.

    Reading gigabytes cannot be interrupted, and the threads of an executor are joined when the
    interpreter exits.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("_T", result))

    def run() -> None:
        try:
            outcome: tuple[_T | None, Exception | None] = function(), None
        except Exception as error:
            outcome = None, error
        with suppress(RuntimeError):  # the event loop may be closed by now
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="nordlyd-load", daemon=True).start()
    return await future
