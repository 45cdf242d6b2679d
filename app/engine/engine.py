"""Many requests in, few batches on the device threads, many answers out.

The engine lives on the event loop: it admits, stitches and answers; the device threads compute.
"""

import asyncio
import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

import structlog

from app.engine.admission import Backlog
from app.engine.device import Delivery, DeviceThread, Fault, work_of
from app.engine.devices import Devices
from app.engine.door import Door
from app.engine.pending import Pending, ServedModel, arrival_of, backlogs_of, window_shares
from app.engine.scheduler import Batch, Budget
from app.engine.stitch import Stitcher
from app.engine.types import (
    EncodedAudio,
    Encoder,
    EncodeRequest,
    EngineOptions,
    EngineStatus,
    WindowCallback,
    WindowT,
)
from app.engine.warmup import warm_up
from app.errors import (
    AudioError,
    ConfigurationError,
    DeadlineExceededError,
    NordlydError,
    OverloadedError,
    UnavailableError,
)
from app.telemetry import Telemetry

# Between two looks of a request that waits for room in the queue.
_ROOM_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class _Phase(StrEnum):
    """Where the engine is in its life; the text says why it is not ready."""

    NEW = "the engine has not been started"
    WARMING_UP = "the models are being warmed up"
    RUNNING = ""
    DRAINING = "the service is draining"
    STOPPED = "the service has stopped"


class Engine:
    """Serves encoders to many requests at once; one event loop, one thread a device.

    Args:
        options: limits and times.
        telemetry: where every decision is counted. Requests that are refused or fail are
            counted by whoever answers the caller; those nobody waits for any more, here.
        clock: seconds, monotonic; request deadlines are instants of it.
    """

    def __init__(
        self,
        options: EngineOptions,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._telemetry = telemetry
        self._clock = clock
        self._devices = Devices(
            options, on_delivery=self._delivered, on_change=self._device_changed, clock=clock
        )
        self._models: dict[str, ServedModel] = {}
        self._pending: dict[int, Pending] = {}
        self._tickets = itertools.count()
        self._door = Door(options, clock)
        telemetry.queue_limit_seconds.set(options.max_queue_seconds)
        self._phase = _Phase.NEW

    async def start(self, encoders: Mapping[str, Encoder] | None = None) -> None:
        """Start the device threads and warm up these encoders, by model id; then be ready.

        Raises:
            ConfigurationError: a model does not fit into its device's memory.
        """
        self._phase = _Phase.WARMING_UP
        self._devices.watch()
        for model, encoder in (encoders or {}).items():
            await self.add(model, encoder)
        if self._phase is _Phase.WARMING_UP:
            self._phase = _Phase.RUNNING
        self._publish()

    async def add(self, model: str, encoder: Encoder) -> None:
        """Warm up one more encoder, then serve it; other models are served meanwhile.

        A model added again replaces the former encoder.

        Raises:
            ConfigurationError: it does not fit into its device's memory, or the former
                encoder is on another device.
            UnavailableError: its device does not answer, or the engine is not running.
        """
        if self._phase not in {_Phase.WARMING_UP, _Phase.RUNNING}:
            raise UnavailableError(f"Cannot add the model {model!r}: {self._phase}.")
        thread = self._devices.thread(encoder.device)
        if model in self._models and self._models[model].thread is not thread:
            raise ConfigurationError(
                f"{model!r} is served on {self._models[model].thread.device}; its replacement "
                f"must be on the same device, not on {encoder.device}."
            )
        found = await warm_up(
            encoder,
            lambda measure: self._devices.run(thread, measure),
            self._options,
            clock=self._clock,
        )
        thread.serve(
            model,
            encoder,
            Budget(found.budget_samples, recovery_batches=self._options.recovery_batches),
        )
        served = self._models.setdefault(model, ServedModel(thread))
        served.speed.record(
            audio_seconds=found.audio_seconds, compute_seconds=found.compute_seconds
        )
        self._telemetry.model_info.labels(
            model, encoder.device, encoder.dtype, encoder.kernels
        ).set(1)
        self._publish()

    async def encode(
        self, request: EncodeRequest[WindowT], *, on_window: WindowCallback | None = None
    ) -> EncodedAudio:
        """Encode one recording. Cancelling the awaiting task drops what has not run yet.

        Args:
            request: what to encode and by which model.
            on_window: called on the event loop with each window's index and its kept
                emissions, float32 [frames, vocabulary], in order of time, as they finish.

        Raises:
            UnavailableError: the model is not loaded, its device does not answer, or the
                engine is draining.
            OverloadedError: the queue has no room for it, or it cannot be done in time.
            DeadlineExceededError: its deadline passed, or is too near for this recording.
            EncodingError: the model failed on this audio.
            AudioError: it has no window.
            Exception: what `on_window` raised.
        """
        submitted = self._clock()
        model = await self._admit(request)
        work = work_of(
            request, sample_rate=self._options.sample_rate, least_factor=model.speed.at_best
        )
        shares = window_shares(request)
        loop = asyncio.get_running_loop()
        pending = Pending(
            ticket=next(self._tickets),
            request_id=request.request_id,
            caller=request.caller,
            model=model,
            shares=shares,
            overhead=work.samples / sum(shares),
            stitcher=Stitcher(request.windows, on_window),
            answer=loop.create_future(),
        )
        timer: asyncio.TimerHandle | None = None
        if request.deadline is not None:
            late = DeadlineExceededError("The request's deadline passed before it was answered.")
            timer = loop.call_later(request.deadline - self._clock(), pending.fail, late)
        self._pending[pending.ticket] = pending
        self._count(pending, sum(shares))
        try:
            model.thread.submit(pending.ticket, work)
            await pending.answer
        except asyncio.CancelledError:
            self._telemetry.failures.labels("cancelled").inc()
            raise
        finally:
            if timer is not None:
                timer.cancel()
            model.thread.forget(pending.ticket)
            del self._pending[pending.ticket]
            self._count(pending, -pending.outstanding_samples)
        total = self._clock() - submitted
        return EncodedAudio(
            emissions=pending.stitcher.emissions,
            queue_seconds=max(0.0, total - pending.encode_seconds),
            encode_seconds=pending.encode_seconds,
        )

    async def drain(self, grace_seconds: float) -> bool:
        """Refuse new requests and let the running ones finish; False if some had to be failed."""
        self._phase = _Phase.DRAINING
        self._publish()
        answers = [pending.answer for pending in self._pending.values()]
        if not answers:
            return True
        _, unfinished = await asyncio.wait(answers, timeout=grace_seconds)
        late = f"The service is stopping and could not finish this within {grace_seconds:g} s."
        self._fail_pending(lambda: UnavailableError(late, code="draining"))
        return not unfinished

    def stop(self) -> None:
        """Fail what is left and end the device threads; waits for the call that runs, briefly."""
        self._phase = _Phase.STOPPED
        self._fail_pending(lambda: UnavailableError("The service has stopped.", code="draining"))
        self._devices.stop()
        self._publish()

    def status(self) -> EngineStatus:
        """How the engine is now; cheap enough for a readiness probe."""
        reason = self._phase or self._devices.fault()
        if not (reason or self._models):
            reason = "no model is loaded"
        rate = self._options.sample_rate
        models = self._models.items()
        return EngineStatus(
            ready=not reason,
            reason=reason,
            queue_audio_seconds=sum(model.queued_samples for _, model in models) / rate,
            queued_windows=sum(thread.queued_windows for thread in self._devices.threads),
            running=sum(thread.running for thread in self._devices.threads),
            batch_seconds={
                name: model.thread.budget_samples(name) / rate for name, model in models
            },
            real_time_factor={name: model.speed.real_time_factor for name, model in models},
            draining=self._phase is _Phase.DRAINING,
        )

    def check_before_body(
        self, caller: str, admitted: Mapping[str, int], deadline: float | None
    ) -> None:
        """Refuse a request before anything of it is read, if it would wait too long.

        Args:
            caller: who sends it.
            admitted: by caller, its requests that were let in and are not answered yet.
            deadline: instant after which no answer is wanted, where that is known.

        Raises:
            OverloadedError: with the seconds until it would be let in.
        """
        queued = Counter(pending.caller for pending in self._pending.values())
        arriving = {name: count - queued[name] for name, count in admitted.items()}
        factors = [model.speed.real_time_factor for model in self._models.values()]
        self._door.check_before_body(
            caller,
            self._backlogs(),
            arriving,
            real_time_factor=sum(factors) / max(1, len(factors)),
            deadline=deadline,
        )

    def _backlogs(self) -> list[Backlog]:
        return backlogs_of(self._pending.values(), self._options.sample_rate)

    async def _admit(self, request: EncodeRequest[WindowT]) -> ServedModel:
        """The model for a request that may join the queue; raises when it may not."""
        while True:
            model = self._serving(request.model)
            if not request.windows:
                raise AudioError("The audio is too short to hold a single frame.")
            if request.admission == "always":
                return model
            try:
                self._door.check_in_queue(
                    arrival_of(request, model, self._options.sample_rate),
                    self._backlogs(),
                    request.deadline,
                )
            except OverloadedError as full:
                if request.admission != "wait":
                    raise
                left = math.inf if request.deadline is None else request.deadline - self._clock()
                await asyncio.sleep(min(full.retry_after, max(0.0, left), _ROOM_SECONDS))
            else:
                return model

    def _serving(self, name: str) -> ServedModel:
        if self._phase in {_Phase.DRAINING, _Phase.STOPPED}:
            raise UnavailableError(f"Not accepting requests: {self._phase}.", code="draining")
        if self._phase is not _Phase.RUNNING:
            raise UnavailableError(f"Not accepting requests: {self._phase}.", code="loading")
        model = self._models.get(name)
        if model is None:
            raise UnavailableError(f"The model {name!r} is not loaded.", code="loading")
        if fault := model.thread.fault():
            raise fault.as_error()
        return model

    def _delivered(self, delivery: Delivery) -> None:
        """Hand a batch's results to the requests they belong to."""
        if delivery.encoded:
            self._count_batch(delivery)
        involved: dict[int, Pending] = {}
        for item, emissions in delivery.encoded:
            pending = self._pending.get(item.ticket)
            if pending is None:
                continue
            involved[item.ticket] = pending
            self._count(pending, -pending.shares[item.index])
            try:
                pending.stitcher.add(item.index, emissions)
            except Exception as error:
                pending.fail(error)
        for pending in involved.values():
            pending.encode_seconds += delivery.seconds
            if pending.stitcher.complete and not pending.answer.done():
                pending.answer.set_result(None)
        for ticket, failure in delivery.failed:
            if ticket in self._pending:
                self._fail(self._pending[ticket], failure)

    def _count_batch(self, delivery: Delivery) -> None:
        batch = Batch(delivery.model, tuple(item for item, _ in delivery.encoded))
        rate = self._options.sample_rate
        telemetry = self._telemetry
        telemetry.batch_items.labels(batch.model).observe(len(batch.items))
        telemetry.batch_padded_seconds.labels(batch.model).observe(batch.padded_samples / rate)
        telemetry.batch_padding_share.labels(batch.model).observe(batch.padding_share)
        if delivery.seconds <= self._options.hang_seconds:
            self._models[batch.model].speed.record(
                audio_seconds=batch.samples / rate, compute_seconds=delivery.seconds
            )

    def _count(self, pending: Pending, samples: int) -> None:
        pending.outstanding_samples += samples
        pending.model.queued_samples += samples
        queued = sum(model.queued_samples for model in self._models.values())
        self._telemetry.queue_seconds.set(queued / self._options.sample_rate)

    def _device_changed(self, thread: DeviceThread, fault: Fault | None) -> None:
        if fault:
            self._fail_pending(fault.as_error, only=thread)
        self._publish()

    def _fail_pending(
        self, make_error: Callable[[], NordlydError], *, only: DeviceThread | None = None
    ) -> None:
        for pending in self._pending.values():
            if only is None or pending.model.thread is only:
                self._fail(pending, make_error())

    def _fail(self, pending: Pending, error: NordlydError) -> None:
        if not pending.answer.done():
            _log.warning("request failed", request_id=pending.request_id, reason=error.message)
            pending.fail(error)

    def _publish(self) -> None:
        self._telemetry.ready.set(self.status().ready)
