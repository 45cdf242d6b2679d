"""Builds the parts of the service from its settings and joins them."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from fastapi import FastAPI

from app import tracing
from app.api import AppState, build_api
from app.api.auth import ADDRESS_PREFIX, KEY_PREFIX
from app.api.webhooks import WEBHOOK_MESSAGES
from app.audio import AudioLimits
from app.audio.workers import MediaPool, PoolOptions
from app.audio.workers.sandbox_log import log_sandbox
from app.audit import AUDIT_LOG, AuditLog
from app.catalogue import Catalogue, PullPlan, ResolvedModel, Router
from app.database import Database, FolderLock
from app.decoding import needs_processes
from app.engine import Engine, EngineOptions
from app.fetching import Fetcher, build_fetcher
from app.jobs import JobService, RetentionPolicy
from app.jobs.storage import open_storage
from app.jobs.watch import build_watch
from app.jobs.webhooks import WebhookSender
from app.jobs.webhooks.signing import secret_source
from app.keys import KeyRing, QuotaLimiter
from app.keys.existing import existing_store
from app.known_speakers import build_known_speakers
from app.model_loading import find_source, load_checkpoint, release_memory, source_of
from app.operator_lists import read_operator_lists
from app.pipeline import (
    DetectingRecognition,
    LocalEngine,
    LocalRecognition,
    ModelLoader,
    ModelRegistry,
    PipelineOptions,
    Recognition,
    SearchLimits,
    Service,
    Transcriber,
    open_model_decoders,
)
from app.rendering import RenderPool
from app.settings import Settings
from app.speakers import Diarizer, weights_folder
from app.streaming import (
    LabelledStreams,
    LiveStreams,
    SpeechFinder,
    StreamLimits,
    Streams,
    find_vad_model,
)
from app.telemetry import Telemetry

Report = Callable[[PullPlan], None]
"""Called with what is about to be fetched from the hub."""


class ClosableStreams(LiveStreams, Protocol):
    """The live streams of a service, which end with it."""

    async def close(self) -> None:
        """Drops all streams."""


Build = Callable[
    [Settings, Telemetry, QuotaLimiter, Report | None], tuple[Service, ClosableStreams]
]
"""Builds the part of the service that computes: its models and its live streams."""


def build_local(
    settings: Settings, telemetry: Telemetry, quotas: QuotaLimiter, report: Report | None
) -> tuple[Service, Streams]:
    """Builds a service whose models are in this process; arguments and errors as `create_app`."""
    service, recognition = build_service(settings, telemetry, report=report, quotas=quotas)
    streams = Streams(
        service,
        recognition,
        telemetry,
        stream_limits(settings),
        find_vad_model(),
        count_audio=partial(count_audio, quotas),
    )
    return service, streams


def create_app(
    settings: Settings, *, report: Report | None = None, build: Build = build_local
) -> FastAPI:
    """Builds the service; its models are loaded once it runs.

    Args:
        settings: everything that can be configured.
        report: called with what is about to be fetched from the hub, if anything is.
        build: builds the part that computes.

    Raises:
        ConfigurationError: a setting or a model's folder cannot be used.
    """
    telemetry = Telemetry()
    quotas = QuotaLimiter(settings.quotas)
    service, streams = build(settings, telemetry, quotas, report)
    rendering = RenderPool(settings.render_workers, settings.render_seconds)
    database = Database.of(settings)
    keys = KeyRing(settings.api_keys, partial(existing_store, database), quotas=quotas)
    fetcher = build_fetcher(settings)
    jobs = build_jobs(settings, database, service, fetcher, telemetry)
    known_speakers = build_known_speakers(
        settings, database, service.transcriber, audio_limits(settings)
    )
    watch = build_watch(settings, service, jobs, database)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001
        tracing.start()
        await keys.start()
        service.start()
        jobs.start()
        if watch is not None:
            watch.start()
        yield
        if watch is not None:
            await watch.stop()
        await jobs.stop()
        await known_speakers.stop()
        await streams.close()
        await service.stop()
        await rendering.close()
        await keys.close()
        database.close()
        await asyncio.to_thread(tracing.stop)

    state = AppState(
        settings,
        telemetry,
        service,
        LabelledStreams(
            streams, service.transcriber.diarizer, keep_seconds=settings.live_keep_seconds
        ),
        jobs,
        known_speakers,
        fetcher=fetcher,
        rendering=rendering,
        keys=keys,
        quotas=quotas,
    )
    register_webhooks(jobs, state)
    return build_api(state, lifespan)


def build_service(
    settings: Settings,
    telemetry: Telemetry,
    *,
    report: Report | None = None,
    quotas: QuotaLimiter | None = None,
) -> tuple[Service, LocalRecognition]:
    """Builds everything but the HTTP side, in this process; the command line uses it too.

    Args:
        settings: everything that can be configured.
        telemetry: metrics.
        report: called with what is about to be fetched from the hub, if anything is.
        quotas: counts the audio of each key.

    Raises:
        ConfigurationError: as `create_app`.
    """
    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    models = [catalogue.resolve(reference) for reference in settings.models]
    sources = [source_of(settings, model, report=report) for model in models]
    registry = build_registry(settings, models)
    engine = Engine(engine_options(settings), telemetry)
    recognition = LocalRecognition(engine, registry.loaded, pipeline_options(settings))
    loader = ModelLoader(
        partial(load_checkpoint, settings),
        partial(open_model_decoders, backend=settings.decoder),
        release_memory,
    )
    transcriber = build_transcriber(settings, telemetry, registry, recognition, quotas)
    service = Service(
        sources,
        LocalEngine(loader, engine),
        transcriber,
        telemetry,
        find=partial(find_source, settings),
        patience=settings.max_wait_seconds,
    )
    return service, recognition


def build_registry(settings: Settings, models: Sequence[ResolvedModel]) -> ModelRegistry:
    """Returns what routes requests to these models, none of which is loaded yet.

    Raises:
        ConfigurationError: a route or the default language names none of them, or a list of
            the operator cannot be read.
    """
    router = Router(settings.routes, [model.card for model in models], settings.default_language)
    lists = read_operator_lists(settings)
    return ModelRegistry(
        router, search_limits(settings), lists.profanities, lists.names, lists.redact
    )


def build_transcriber(
    settings: Settings,
    telemetry: Telemetry,
    registry: ModelRegistry,
    recognition: Recognition,
    quotas: QuotaLimiter | None,
) -> Transcriber:
    """Returns what takes recordings from their bytes to this recognition."""
    return Transcriber(
        registry,
        DetectingRecognition(recognition, SpeechFinder(find_vad_model()).find),
        telemetry,
        pipeline_options(settings).audio,
        media_pool(settings, telemetry),
        diarizer=Diarizer(weights_folder(settings.store)),
        count_audio=None if quotas is None else partial(count_audio, quotas),
    )


def count_audio(quotas: QuotaLimiter, caller: str, seconds: float) -> None:
    """Counts the audio of a caller in the quota of its key, or of its address."""
    # The addresses of clients are not kept in the database.
    is_key = bool(caller) and not caller.startswith(ADDRESS_PREFIX)
    quotas.count_audio(caller.removeprefix(KEY_PREFIX), seconds, saved=is_key)


def build_jobs(
    settings: Settings,
    database: Database,
    service: Service,
    fetcher: Fetcher | None,
    telemetry: Telemetry,
) -> JobService:
    """Build the jobs of a service; nothing is written before their first use.

    Raises:
        ConfigurationError: another process serves the data folder, or the database's URL, the
            storage or the secret of webhooks cannot be used.
    """
    lock = None if database.is_shared else FolderLock(settings.data)
    if lock is not None and (database.exists or settings.watch is not None):
        lock.acquire()
    blobs = open_storage(settings.storage, settings.data)
    policy = RetentionPolicy(settings.keep_audio, settings.keep_results, settings.keep_corrections)
    audit = AuditLog(settings.data / AUDIT_LOG)
    sender = WebhookSender(fetcher, secret_source(settings))
    return JobService(
        service,
        database,
        lock,
        blobs,
        fetcher,
        policy=policy,
        audit=audit,
        sender=sender,
        telemetry=telemetry,
    )


def register_webhooks(jobs: JobService, state: AppState) -> None:
    """Lets the jobs of other protocols have webhooks in the form of their protocol."""
    for protocol, message in WEBHOOK_MESSAGES.items():
        jobs.webhooks.register(protocol, partial(message, state))


def engine_options(settings: Settings) -> EngineOptions:
    """Returns the limits and times that the settings give the engine."""
    return EngineOptions(
        max_queue_seconds=settings.max_queue_seconds,
        caller_share=settings.caller_share,
        batch_seconds=settings.batch_seconds,
        hang_seconds=settings.hang_seconds,
        window_seconds=settings.window_seconds,
    )


def pipeline_options(settings: Settings) -> PipelineOptions:
    """Returns the limits and sizes of the pipeline."""
    return PipelineOptions(
        audio=audio_limits(settings),
        window_seconds=settings.window_seconds,
        context_seconds=settings.context_seconds,
        decode_workers=settings.decode_workers or os.cpu_count() or 1,
        decode_processes=needs_processes(settings.decoder),
        decode_jobs=settings.decode_jobs,
        search=search_limits(settings),
    )


def audio_limits(settings: Settings) -> AudioLimits:
    """Returns the bounds that the settings put on what one recording may hold."""
    return AudioLimits(
        max_seconds=settings.max_audio_seconds,
        max_channels=settings.max_channels,
        max_tracks=settings.max_tracks,
        max_edits=settings.max_edits,
        max_gap_seconds=settings.max_gap_seconds,
    )


def search_limits(settings: Settings) -> SearchLimits:
    """Returns the bounds that the settings put on the search options of a request."""
    return SearchLimits(
        max_beam_width=settings.max_beam_width,
        max_n_best=settings.max_n_best,
        max_hotwords=settings.max_hotwords,
        max_hotword_characters=settings.max_hotword_characters,
        max_hotword_weight=settings.max_hotword_weight,
        max_alpha=settings.max_alpha,
        max_beta=settings.max_beta,
        min_prune_logp=settings.min_prune_logp,
        min_token_logp=settings.min_token_logp,
    )


def media_pool(settings: Settings, telemetry: Telemetry) -> MediaPool:
    """Builds the pool of processes that decode audio; they start with the first recording."""
    return MediaPool(
        PoolOptions(
            workers=settings.media_workers,
            memory_mb=settings.media_memory_mb,
            processor_seconds=settings.media_seconds,
            decoded_mb=settings.decoded_mb,
            spool_mb=settings.spool_mb,
        ),
        on_restart=lambda reason: telemetry.media_worker_restarts.labels(reason).inc(),
        on_sandboxed=log_sandbox,
    )


def stream_limits(settings: Settings) -> StreamLimits:
    """Returns how many live streams there may be, and for how long."""
    return StreamLimits(
        streams=settings.live_streams,
        keep_seconds=settings.live_keep_seconds,
        idle_seconds=settings.live_idle_seconds,
        min_share=settings.live_min_share,
    )
