"""Finds the models that the settings allow, and loads their checkpoints as the settings say."""

import math
import os
from collections.abc import Callable

import structlog

from app.allocator import trim
from app.catalogue import Catalogue, PullPlan, ResolvedModel, Router, locate
from app.errors import UnknownModelError
from app.pipeline import AcousticModel, ModelSource
from app.settings import Settings

_log = structlog.get_logger("nordlyd.models")


def settings_for_one(settings: Settings, model: str | None, language: str | None) -> Settings:
    """Returns the settings of a service with one model: the one named, or that of the language.

    The queue then has no limit, since only this process fills it.
    """
    reference = model
    if reference is None:
        catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
        resolved = {catalogue.resolve(name).id: name for name in settings.models}
        cards = [catalogue.resolve(name).card for name in settings.models]
        router = Router(settings.routes, cards, settings.default_language)
        reference = resolved[router.route(None, language).id]
    return _for_this_process(settings, [reference], None)


def settings_for_detection(settings: Settings) -> Settings:
    """Returns the settings of a service with all models, between which speech decides.

    The queue has no limit, as with one.
    """
    return _for_this_process(settings, settings.models, settings.default_language)


def _for_this_process(
    settings: Settings, models: list[str], default_language: str | None
) -> Settings:
    return settings.model_copy(
        update={
            "models": models,
            "default_language": default_language,
            "max_queue_seconds": math.inf,
            "max_wait_seconds": math.inf,
        }
    )


def find_source(settings: Settings, reference: str, pull: bool) -> ModelSource:
    """Returns a model of NORDLYD_MODELS or of the catalogue, as its files are now.

    Raises:
        UnknownModelError: it is none of them.
        ConfigurationError: its files are missing, or a card cannot be read.
    """
    return source_of(settings, find_model(settings, reference), allow_pull=pull)


def find_model(settings: Settings, reference: str) -> ResolvedModel:
    """Returns a model of NORDLYD_MODELS or of the catalogue, wherever its files are.

    Raises:
        UnknownModelError: it is none of them.
        ConfigurationError: a card cannot be read.
    """
    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    allowed = [*settings.models, *catalogue.cards]
    for each in allowed:
        model = catalogue.resolve(each)
        if reference in {each, model.id, model.card.hub}:
            return model
    raise UnknownModelError(
        f"{reference!r} is neither in NORDLYD_MODELS nor in the catalogue; accepted: "
        f"{', '.join(dict.fromkeys(allowed))}.",
        param="model",
    )


def source_of(
    settings: Settings,
    model: ResolvedModel,
    *,
    allow_pull: bool = True,
    report: Callable[[PullPlan], None] | None = None,
) -> ModelSource:
    """Returns where the files of a model are.

    Args:
        settings: everything that can be configured.
        model: a model of the settings or of the catalogue.
        allow_pull: whether to fetch its files from the hub where they are not on this machine.
        report: called with what is about to be fetched, if anything is.

    Raises:
        ConfigurationError: its files are missing.
    """
    return ModelSource(
        model.card,
        locate(model, settings.store, allow_pull=allow_pull, report=report),
        extra_folder=settings.catalogue / model.card.id,
    )


def load_checkpoint(settings: Settings, source: ModelSource) -> AcousticModel:
    """Reads a model's checkpoint; torch is imported by the first call."""
    if settings.threads is not None:
        # Read once, when torch is imported below.
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    from app import acoustic  # noqa: PLC0415 - imports torch

    int8 = not {source.card.id, source.card.hub}.isdisjoint(settings.int8_models)
    if int8:
        from app.quantisation import require  # noqa: PLC0415

        require(source.card.id, settings.store)
    model = acoustic.load_checkpoint(
        source.folder,
        device=settings.device,
        dtype=settings.dtype,
        int8=int8,
        kernels=settings.kernels,
        target_lang=source.card.target_lang,
    )
    if model.target_lang is not None:
        _log.info(
            "adapter and vocabulary chosen", model=source.card.id, target_lang=model.target_lang
        )
    return model


def release_memory() -> None:
    """Returns the memory of a model that is gone to the system and the device."""
    from app.acoustic import device  # noqa: PLC0415 - imports torch

    device.release_memory()
    trim()
