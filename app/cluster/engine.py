"""Deploys the models of a service to Ray Serve, and knows the state of their replicas."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from prometheus_client import Metric
from ray import serve

from app.catalogue import ModelCard
from app.cluster.calls import ModelCalls
from app.cluster.deployment import application_name, model_application, model_handle
from app.cluster.messages import EncoderFacts, ReplicaReport
from app.cluster.metrics import by_caller, lasting, merged
from app.cluster.model import RemoteModel
from app.engine import EngineStatus
from app.engine.types import model_of
from app.errors import ConfigurationError, UnavailableError
from app.pipeline import AvailableModel, ModelSource
from app.settings import Settings
from app.telemetry import Telemetry

_REPORT_SECONDS = 1.0
_REPORT_TIMEOUT = 2.0
# A replica that was lost is usually replaced within so long.
_ALONE_SECONDS = 10.0

_log = structlog.get_logger("nordlyd.cluster")


@dataclass(slots=True)
class _Deployed:
    """A model that is deployed, and what its replicas reported last.

    Attributes:
        encoder: what a replica answered of it; None before the first one is ready.
        name: of its encoder, which has the revision of the latest `add`.
    """

    calls: ModelCalls
    name: str
    encoder: EncoderFacts | None = None
    reports: dict[str, ReplicaReport] = field(default_factory=dict)
    reported: float = field(default_factory=time.monotonic)


class RemoteEngine:
    """A `ModelEngine` whose models are Serve applications.

    Args:
        settings: of the service.
        references: the name in NORDLYD_MODELS or the catalogue of each model, by its id.
        telemetry: exposes the metrics of the replicas too.
        devices: one for each replica of a model; empty scales with what is queued.
    """

    def __init__(
        self,
        settings: Settings,
        references: Mapping[str, str],
        telemetry: Telemetry,
        devices: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._references = dict(references)
        self._devices = tuple(devices)
        self._deployed: OrderedDict[str, _Deployed] = OrderedDict()
        self._ended: list[Metric] = []
        self._deploying = asyncio.Lock()
        self._cold: dict[str, asyncio.Task[_Deployed]] = {}
        self._watching: asyncio.Task[None] | None = None
        self.on_loaded: Callable[[AvailableModel], None] = lambda _: None
        self.on_evicted: Callable[[str], None] = lambda _: None
        telemetry.merge = self._merge

    async def load(self, source: ModelSource) -> RemoteModel:
        """Deploys a model, and waits for its first replica.

        Raises:
            ConfigurationError: it cannot be loaded.
        """
        card = source.card
        known = self._deployed.get(card.id)
        if known is not None and known.encoder is not None:
            # It replaces itself: new replicas take over one by one.
            await self._run(card.id)
        deployed = await self._deploy(card.id)
        try:
            encoder = await deployed.calls.run("describe", tuple, None)
        except UnavailableError as error:
            raise ConfigurationError(f"model {card.id}: {error.message}") from error
        assert isinstance(encoder, EncoderFacts)
        deployed.encoder = encoder
        # Not kept here: a model leaves once the last request that holds it has ended.
        return RemoteModel(card, encoder)

    async def start(self, models: Sequence[AvailableModel]) -> None:
        """Begins to watch the replicas; the models serve already."""
        for model in models:
            await self.add(model)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="replicas")
        await self._collect_reports()

    async def add(self, model: AvailableModel) -> None:
        """Notes its revision; its replicas are warm."""
        self._deployed[model.card.id].name = model.encoder_name

    async def remove(self, encoder: str) -> None:
        """Deletes the application of a model, unless a later revision of it has taken over."""
        model = model_of(encoder)
        deployed = self._deployed.get(model)
        if deployed is not None and deployed.name == encoder:
            await self._delete(model)

    def release(self) -> None:
        """Does nothing: the memory is that of other processes."""

    def stop(self) -> None:
        """Watches the replicas no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def calls(self, card: ModelCard) -> ModelCalls:
        """Returns the calls of a model, which is loaded where it is not.

        Raises:
            UnavailableError: it cannot be loaded now.
        """
        deployed = self._deployed.get(card.id)
        if deployed is None or deployed.encoder is None:
            task = self._cold.get(card.id)
            if task is None:
                task = self._cold[card.id] = asyncio.create_task(self._load_cold(card))
                task.add_done_callback(partial(self._loaded, card.id))
            # The request may be cancelled, and others wait for the model too.
            deployed = await asyncio.shield(task)
        self._deployed.move_to_end(card.id)
        return deployed.calls

    def encoder_of(self, model: str) -> EncoderFacts:
        """Returns how the emissions of a loaded model are made."""
        found = self._deployed[model].encoder
        assert found is not None
        return found

    def has_replica(self, model: str, replica: str) -> bool:
        """Returns whether a replica of a model accepted work when it was asked for a report."""
        deployed = self._deployed.get(model)
        return deployed is not None and replica in deployed.reports

    def status(self) -> EngineStatus:
        """The state of all replicas, as of their last reports."""
        reports = list(self._reports())
        return EngineStatus(
            fault=self._fault(),
            queue_audio_seconds=sum(report.status.queue_audio_seconds for report in reports),
            queued_windows=sum(report.status.queued_windows for report in reports),
            running=sum(report.status.running for report in reports),
            batch_seconds={
                name: seconds
                for report in reports
                for name, seconds in report.status.batch_seconds.items()
            },
            real_time_factor={
                name: factor
                for report in reports
                for name, factor in report.status.real_time_factor.items()
            },
        )

    def callers(self) -> dict[str, tuple[int, float]]:
        """Returns how many requests, and how much audio in seconds, each caller has."""
        return by_caller(report.callers for report in self._reports())

    def mean_real_time_factor(self) -> float:
        """Returns the mean over the models of what all replicas of each take for a second."""
        factors = [
            sum(report.real_time_factor for report in reports) / len(reports) ** 2
            for deployed in self._deployed.values()
            if (reports := deployed.reports.values())
        ]
        return sum(factors) / max(1, len(factors))

    def background_seconds(self) -> float:
        """Returns how long the replica that is free first still works in the background."""
        return min((report.background_seconds for report in self._reports()), default=0.0)

    def _reports(self) -> Iterable[ReplicaReport]:
        for deployed in self._deployed.values():
            yield from deployed.reports.values()

    def _seconds_alone(self, model: str) -> float:
        deployed = self._deployed.get(model)
        return math.inf if deployed is None else time.monotonic() - deployed.reported

    def _fault(self) -> str:
        for model, deployed in self._deployed.items():
            if deployed.encoder is not None and self._seconds_alone(model) > _ALONE_SECONDS:
                return f"no replica of {model} answers"
        return "" if self._deployed else "no model is loaded"

    async def _deploy(self, model: str) -> _Deployed:
        deployed = self._deployed.get(model)
        if deployed is not None:
            return deployed
        if self._devices or not await asyncio.to_thread(_is_running, application_name(model)):
            await self._run(model)
        calls = ModelCalls(
            model,
            model_handle(model),
            partial(self._seconds_alone, model),
            self._settings.max_wait_seconds,
        )
        return self._deployed.setdefault(model, _Deployed(calls, model))

    async def _run(self, model: str) -> None:
        """Deploys a model, or replaces its replicas by new ones; waits until one is ready."""
        _log.info("deploying", model=model)
        reference = self._references.get(model, model)
        application = model_application(self._settings, reference, self._devices)
        name = application_name(model)
        try:
            await asyncio.to_thread(partial(serve.run, application, name=name, route_prefix=None))
        except RuntimeError as error:
            raise ConfigurationError(
                f"model {model} cannot be deployed: {_reason(name) or error}"
            ) from error

    async def _delete(self, model: str) -> None:
        """Deletes the application of a model, once its running calls have ended."""
        deployed = self._deployed.pop(model)
        self._retire(deployed.reports.values())
        await asyncio.to_thread(serve.delete, application_name(model))

    def _loaded(self, model: str, task: asyncio.Task[_Deployed]) -> None:
        del self._cold[model]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("model not loaded", model=model, reason=str(error))

    async def _load_cold(self, card: ModelCard) -> _Deployed:
        """Loads a model on demand; the one that was idle longest leaves where there are many."""
        async with self._deploying:
            deployed = self._deployed.get(card.id)
            if deployed is not None and deployed.encoder is not None:
                return deployed
            await self._make_room()
            try:
                model = await self.load(ModelSource(card, self._settings.store))
            except ConfigurationError as error:
                raise UnavailableError(error.message, code="loading", retry_after=30.0) from error
            self.on_loaded(model)
            return self._deployed[card.id]

    async def _make_room(self) -> None:
        limit = self._settings.ray_loaded_models
        while limit is not None and len(self._deployed) >= limit:
            oldest = next(iter(self._deployed))
            _log.info("model leaves", model=oldest)
            self.on_evicted(oldest)
            await self._delete(oldest)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            await self._collect_reports()

    async def _collect_reports(self) -> None:
        await asyncio.gather(*map(self._collect_of, tuple(self._deployed.values())))

    async def _collect_of(self, deployed: _Deployed) -> None:
        try:
            found = await deployed.calls.reports(_REPORT_TIMEOUT)
        except TimeoutError:
            await self._collect_of_each(deployed)
            return
        except Exception:
            _log.exception("replicas do not report")
            return
        if found:
            deployed.reported = time.monotonic()
        reports = {report.replica: report for report in found}
        ended = deployed.reports.keys() - reports.keys()
        self._retire(deployed.reports[name] for name in ended)
        deployed.reports = reports

    async def _collect_of_each(self, deployed: _Deployed) -> None:
        """Updates the reports of replicas one of which hangs, until Ray has replaced it."""
        known = tuple(deployed.reports)
        answers = await asyncio.gather(
            *(deployed.calls.report_of(replica, _REPORT_TIMEOUT) for replica in known)
        )
        reports = {report.replica: report for report in answers if report is not None}
        if reports:
            deployed.reported = time.monotonic()
            deployed.reports |= reports

    def _retire(self, reports: Iterable[ReplicaReport]) -> None:
        """Keeps the counters of replicas that have ended, since counters never fall."""
        self._ended = merged(self._ended, [lasting(report.metrics) for report in reports])

    def _merge(self, own: Iterable[Metric]) -> Iterable[Metric]:
        return merged(own, [self._ended, *(report.metrics for report in self._reports())])


def _is_running(name: str) -> bool:
    found = serve.status().applications.get(name)
    return found is not None and found.status in ("RUNNING", "DEPLOYING")


def _reason(name: str) -> str:
    """Returns why an application could not be deployed; empty where that is not known."""
    with suppress(Exception):
        found = serve.status().applications[name]
        messages = [found.message, *(each.message for each in found.deployments.values())]
        return " ".join(message for message in messages if message).strip()
    return ""
