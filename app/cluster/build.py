"""Builds the part of the service that computes in replicas: the models and the live streams."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from app.catalogue import Catalogue, ResolvedModel
from app.cluster.engine import RemoteEngine
from app.cluster.recognition import RemoteRecognition
from app.cluster.streams import RemoteStreams
from app.keys import QuotaLimiter
from app.main import Build, Report, build_registry, build_transcriber, count_audio, pipeline_options
from app.model_loading import find_model, source_of
from app.pipeline import ModelSource, Service
from app.settings import Settings
from app.telemetry import Telemetry


def build_remote(devices: Sequence[str] = (), *, check_files: bool = False) -> Build:
    """Returns what builds a service whose models are in replicas.

    Args:
        devices: one for each replica of a model; empty scales with what is queued.
        check_files: whether the files of the models must be on this machine.
    """

    def build(
        settings: Settings, telemetry: Telemetry, quotas: QuotaLimiter, report: Report | None
    ) -> tuple[Service, RemoteStreams]:
        if check_files:
            for model in _models(settings):
                source_of(settings, model, report=report)
        return _build(settings, telemetry, quotas, tuple(devices))

    return build


def _models(settings: Settings) -> list[ResolvedModel]:
    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    return [catalogue.resolve(reference) for reference in settings.models]


def _build(
    settings: Settings, telemetry: Telemetry, quotas: QuotaLimiter, devices: Sequence[str]
) -> tuple[Service, RemoteStreams]:
    models = _models(settings)
    references = {
        # A folder's name is relative to this process.
        model.id: str(Path(reference).resolve())
        if reference != model.id and Path(reference).is_dir()
        else reference
        for model, reference in zip(models, settings.models, strict=True)
    }
    registry = build_registry(settings, models)
    engine = RemoteEngine(settings, references, telemetry, devices)
    engine.on_loaded, engine.on_evicted = registry.add, registry.discard
    recognition = RemoteRecognition(engine, pipeline_options(settings))
    transcriber = build_transcriber(settings, telemetry, registry, recognition, quotas)
    first = models[: settings.ray_loaded_models]
    service = Service(
        [_source(settings, model) for model in first],
        engine,
        transcriber,
        telemetry,
        find=partial(_find, settings),
        patience=settings.max_wait_seconds,
    )
    return service, RemoteStreams(service, engine, partial(count_audio, quotas))


def _source(settings: Settings, model: ResolvedModel) -> ModelSource:
    """Returns a model whose files the replicas find."""
    return ModelSource(model.card, model.folder or settings.store)


def _find(settings: Settings, reference: str, pull: bool) -> ModelSource:  # noqa: ARG001
    """Finds a model that may be loaded; its replicas pull its files."""
    return _source(settings, find_model(settings, reference))
