"""The whole HTTP API in this process, over a model whose pace and failures a test sets."""

import asyncio
import atexit
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import numpy as np
from fastapi import FastAPI

from app.api import AppState, build_api
from app.audio import AudioLimits
from app.audio.workers import MediaPool
from app.catalogue import ModelCard, Router
from app.database import Database
from app.engine import Engine, EngineOptions
from app.fetching import build_fetcher
from app.jobs.watch import build_watch
from app.keys import KeyRing, QuotaLimiter
from app.known_speakers import build_known_speakers
from app.main import build_jobs, count_audio, register_webhooks, search_limits
from app.operator_lists import read_operator_lists
from app.pipeline import (
    DetectingRecognition,
    LocalEngine,
    LocalRecognition,
    ModelLoader,
    ModelRegistry,
    ModelSource,
    PipelineOptions,
    Service,
    Transcriber,
)
from app.settings import Settings
from app.speakers import Diarizer, weights_folder
from app.streaming import SpeechFinder, StreamLimits, Streams, find_vad_model
from app.telemetry import Telemetry
from app.vocabulary import Vocabulary


class _LastingPool(MediaPool):
    """One pool for all tests of this process; a service that ends leaves it."""

    def close(self) -> None:
        """Does nothing: it ends with the process."""


_POOL = _LastingPool()
atexit.register(MediaPool.close, _POOL)


class ScriptedModel:
    """Recognises everything as "a" once `gate` is open, or fails with `failure`."""

    hop = 320
    receptive_field = 400
    device = "cpu"
    dtype = "float32"
    kernels = "torch"
    do_normalize = False
    parameters = 1
    vocabulary = Vocabulary(("[PAD]", "|", "a"), blank=0, delimiter=1, special=frozenset({0}))

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None

    def frames(self, samples: int) -> int:
        return max(0, (samples - self.receptive_field) // self.hop + 1)

    def encode(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        certain = np.log(np.array([1e-9, 1e-9, 1 - 2e-9], dtype=np.float32))
        return [np.tile(certain, (self.frames(len(window)), 1)) for window in windows]


@dataclass(frozen=True)
class InProcess:
    """What a test needs."""

    client: httpx.AsyncClient
    service: Service
    recognition: LocalRecognition
    app: FastAPI
    model: ScriptedModel

    async def until(self, state: str) -> None:
        """Waits until the service is in that state."""
        await wait_for(lambda: self.service.readiness.state == state)


async def wait_for(condition: Callable[[], bool]) -> None:
    """Polls until the condition holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def in_process(
    *,
    load_gate: threading.Event | None = None,
    load_failure: Exception | None = None,
    folder: Path | None = None,
    model: ScriptedModel | None = None,
    languages: tuple[str, ...] = ("nb",),
    media: MediaPool | None = None,
    keys: KeyRing | None = None,
    **settings: object,
) -> AsyncIterator[InProcess]:
    """Runs the service with one model, `scripted`, which loads once `load_gate` is open.

    Its language models are those in `folder`; it is `model`, where given, and serves `languages`.
    It accepts `keys`, where given, instead of those of the settings.
    """
    data = tempfile.TemporaryDirectory()
    given = Settings(**{"models": ["scripted"], "data": data.name, **settings})  # type: ignore[arg-type]
    telemetry = Telemetry()
    quotas = QuotaLimiter(given.quotas)
    card = ModelCard(id="scripted", languages=languages)
    engine = Engine(
        EngineOptions(
            max_queue_seconds=given.max_queue_seconds,
            caller_share=given.caller_share,
            hang_seconds=given.hang_seconds,
            batch_seconds=given.batch_seconds,
        ),
        telemetry,
    )
    options = PipelineOptions(
        audio=AudioLimits(given.max_audio_seconds, max_channels=given.max_channels),
        window_seconds=given.window_seconds,
        context_seconds=given.context_seconds,
        decode_workers=2,
        search=search_limits(given),
    )
    lists = read_operator_lists(given)
    registry = ModelRegistry(
        Router({}, [card]), options.search, lists.profanities, lists.names, lists.redact
    )
    recognition = LocalRecognition(engine, registry.loaded, options)
    transcriber = Transcriber(
        registry,
        DetectingRecognition(recognition, SpeechFinder(find_vad_model()).find),
        telemetry,
        options.audio,
        media or _POOL,
        diarizer=Diarizer(weights_folder(given.store)),
        count_audio=partial(count_audio, quotas),
    )
    model = model or ScriptedModel()

    def load(source: ModelSource) -> ScriptedModel:
        if load_gate is not None:
            load_gate.wait(20)
        if load_failure is not None:
            raise load_failure
        return model

    service = Service(
        [ModelSource(card, folder or Path())],
        LocalEngine(ModelLoader(load), engine),
        transcriber,
        telemetry,
        patience=given.max_wait_seconds,
    )

    live = Streams(service, recognition, telemetry, StreamLimits(), find_vad_model())
    fetcher = build_fetcher(given)
    database = Database.of(given)
    jobs = build_jobs(given, database, service, fetcher, telemetry)
    watch = build_watch(given, service, jobs, database)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        jobs.start()
        if watch is not None:
            watch.start()
        try:
            yield
        finally:
            model.gate.set()
            if watch is not None:
                await watch.stop()
            await jobs.stop()
            await live.close()
            await service.stop()
            database.close()

    keys = keys or KeyRing(given.api_keys)
    state = AppState(
        given,
        telemetry,
        service,
        live,
        jobs,
        build_known_speakers(given, database, transcriber, options.audio),
        fetcher=fetcher,
        keys=keys,
        quotas=quotas,
    )
    register_webhooks(jobs, state)
    app = build_api(state, lifespan)
    transport = httpx.ASGITransport(app)
    with data:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            yield InProcess(client, service, recognition, app, model)
