"""Encodes the windows of many requests in few batches on the device threads.

The engine lives on the event loop: it admits, stitches and answers; the device threads compute.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping

from app import tracing
from app.engine.admission_controller import AdmissionController
from app.engine.device import Delivery, DeviceThread, Fault, work_of
from app.engine.devices import Devices
from app.engine.pending import Pending, PendingRequests, ServedModel, arrival_of
from app.engine.scheduler import Batch, Budget
from app.engine.types import (
    EncodedAudio,
    Encoder,
    EncodeRequest,
    EngineOptions,
    EngineStatus,
    WindowCallback,
    WindowT,
    model_of,
)
from app.engine.warmup import warm_up
from app.errors import (
    AudioError,
    ConfigurationError,
    DeadlineExceededError,
    OverloadedError,
    UnavailableError,
)
from app.telemetry import Telemetry

# A request that waits for room in the queue checks for it at least this often.
_MAX_CHECK_SECONDS = 5.0


class Engine:
    """Serves encoders to many requests at once; one event loop, one thread a device.

    Args:
        options: limits and times.
        telemetry: where batches, the queue and cancelled requests are counted. Requests that are
            refused or fail are counted where the caller is answered.
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
            options, on_delivery=self._deliver, on_fault=self._device_failed, clock=clock
        )
        self._models: dict[str, ServedModel] = {}
        self._labels: dict[str, tuple[str, ...]] = {}
        self._pending = PendingRequests(options.sample_rate, telemetry.queue_seconds)
        self._admission = AdmissionController(options, clock)
        self._stopped = False
        telemetry.queue_limit_seconds.set(options.max_queue_seconds)

    async def start(self, encoders: Mapping[str, Encoder] | None = None) -> None:
        """Starts the device threads and warms up these encoders, by model id.

        Raises:
            ConfigurationError: a model does not fit into its device's memory.
            UnavailableError: a device does not answer.
        """
        self._devices.watch()
        for model, encoder in (encoders or {}).items():
            await self.add(model, encoder)

    async def add(self, model: str, encoder: Encoder) -> None:
        """Warms up one more encoder, then serves it; other models are served meanwhile.

        A model added again replaces the former encoder.

        Raises:
            ConfigurationError: it does not fit into its device's memory, or the former
                encoder is on another device.
            UnavailableError: its device does not answer, or the engine was stopped.
        """
        self._check_running()
        thread = self._devices.thread(encoder.device)
        if model in self._models and self._models[model].thread is not thread:
            raise ConfigurationError(
                f"{model!r} is served on {self._models[model].thread.device}; its replacement "
                f"must be on the same device, not on {encoder.device}."
            )
        measured = await warm_up(
            encoder,
            lambda measure: self._devices.run(thread, measure),
            self._options,
            clock=self._clock,
        )
        thread.serve(
            model,
            encoder,
            Budget(measured.budget_samples, recovery_batches=self._options.recovery_batches),
        )
        served = self._models.setdefault(model, ServedModel(thread))
        served.speed.record(
            audio_seconds=measured.audio_seconds, compute_seconds=measured.compute_seconds
        )
        labels = (model_of(model), encoder.device, encoder.dtype, encoder.kernels)
        self._labels[model] = labels
        self._telemetry.model_info.labels(*labels).set(1)

    async def remove(self, model: str) -> None:
        """Stops serving an encoder and drops it; no request for it may be under way.

        Raises:
            UnavailableError: its device does not answer.
        """
        served = self._models.pop(model, None)
        if served is None:
            return
        labels = self._labels.pop(model)
        if labels not in self._labels.values():
            self._telemetry.model_info.remove(*labels)
        thread = served.thread
        await self._devices.run(thread, lambda: thread.forget(model))

    async def encode(
        self, request: EncodeRequest[WindowT], *, on_window: WindowCallback | None = None
    ) -> EncodedAudio:
        """Encodes one recording. Cancelling the awaiting task drops what has not run yet.

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
            request,
            sample_rate=self._options.sample_rate,
            real_time_factor=model.speed.best_real_time_factor,
        )
        pending = self._pending.add(request, model, work, on_window)
        timer = None
        if request.deadline is not None:
            late = DeadlineExceededError("The request's deadline passed before it was answered.")
            timer = asyncio.get_running_loop().call_later(
                request.deadline - self._clock(), pending.fail, late
            )
        try:
            model.thread.submit(pending.ticket, work)
            await pending.answer
        except asyncio.CancelledError:
            self._telemetry.failures.labels("cancelled").inc()
            raise
        finally:
            if timer is not None:
                timer.cancel()
            model.thread.discard(pending.ticket)
            self._pending.remove(pending)
            self._trace(pending, submitted)
        total = self._clock() - submitted
        return EncodedAudio(
            emissions=pending.stitcher.emissions,
            queue_seconds=max(0.0, total - pending.encode_seconds),
            encode_seconds=pending.encode_seconds,
        )

    def stop(self) -> None:
        """Fails the pending requests and ends the device threads.

        Waits a few seconds at most for the call that runs on a device.
        """
        self._stopped = True
        self._pending.fail_all(
            lambda: UnavailableError("The service has stopped.", code="draining")
        )
        self._devices.stop()

    def status(self) -> EngineStatus:
        """The state of the queue and the devices; cheap enough for a readiness probe."""
        rate = self._options.sample_rate
        models = self._models.items()
        return EngineStatus(
            fault=self._fault(),
            queue_audio_seconds=self._pending.audio_seconds,
            queued_windows=sum(thread.queued_windows for thread in self._devices.threads),
            running=sum(thread.running for thread in self._devices.threads),
            batch_seconds={
                name: model.thread.budget_samples(name) / rate for name, model in models
            },
            real_time_factor={name: model.speed.real_time_factor for name, model in models},
        )

    def callers(self) -> dict[str, tuple[int, float]]:
        """Returns how many requests, and how much audio in seconds, each caller has here.

        What is in the background counts as a request, but not with its audio.
        """
        seconds = dict.fromkeys(self._pending.callers(), 0.0)
        for backlog in self._pending.backlogs():
            seconds[backlog.caller] += backlog.audio_seconds
        return {
            caller: (count, seconds[caller]) for caller, count in self._pending.callers().items()
        }

    def mean_real_time_factor(self) -> float:
        """Returns the mean over the models of the compute seconds per audio second, or 0."""
        factors = [model.speed.real_time_factor for model in self._models.values()]
        return sum(factors) / max(1, len(factors))

    def background_seconds(self) -> float:
        """Returns how long the batches in the background that run now may take, at most."""
        longest = 0.0
        for thread in self._devices.threads:
            batch = thread.running_background
            model = None if batch is None else self._models.get(batch.model)
            if batch is not None and model is not None:
                audio = batch.samples / self._options.sample_rate
                longest = max(longest, audio * model.speed.real_time_factor)
        return longest

    async def _admit(self, request: EncodeRequest[WindowT]) -> ServedModel:
        """The model for a request that may join the queue; raises when it may not."""
        while True:
            model = self._served(request.model)
            if not request.windows:
                raise AudioError("The audio is too short to hold a single frame.")
            if request.admission == "always" or request.background:
                return model
            try:
                self._admission.check_arrival(
                    arrival_of(request, model, self._options.sample_rate),
                    self._pending.backlogs(),
                    request.deadline,
                )
            except OverloadedError as full:
                if request.admission != "wait":
                    raise
                left = math.inf if request.deadline is None else request.deadline - self._clock()
                await asyncio.sleep(min(full.retry_after, max(0.0, left), _MAX_CHECK_SECONDS))
            else:
                return model

    def _served(self, name: str) -> ServedModel:
        self._check_running()
        model = self._models.get(name)
        if model is None:
            raise UnavailableError(f"The model {name!r} is not loaded.", code="loading")
        if fault := model.thread.fault():
            raise fault.as_error()
        return model

    def _check_running(self) -> None:
        if self._stopped:
            raise UnavailableError("The service has stopped.", code="draining")

    def _fault(self) -> str:
        if self._stopped:
            return "the service has stopped"
        return self._devices.fault() or ("" if self._models else "no model is loaded")

    def _trace(self, pending: Pending, submitted: float) -> None:
        """Records how long a request waited for the device, and was on it."""
        waited = self._clock() - submitted
        encoding = 0.0 if pending.begun is None else self._clock() - pending.begun
        tracing.record("queue", waited, encoding)
        if pending.begun is not None:
            tracing.record("encode", encoding)

    def _deliver(self, delivery: Delivery) -> None:
        """Passes a batch's results on to the requests they belong to."""
        if delivery.encoded:
            self._count_batch(delivery)
        involved: dict[int, Pending] = {}
        for item, emissions in delivery.encoded:
            pending = self._pending.get(item.ticket)
            if pending is None:
                continue
            involved[item.ticket] = pending
            self._pending.computed(pending, item.index)
            try:
                pending.stitcher.add(item.index, emissions)
            except Exception as error:
                pending.fail(error)
        for pending in involved.values():
            pending.encode_seconds += delivery.seconds
            if pending.begun is None:
                pending.begun = self._clock() - delivery.seconds
            if pending.stitcher.complete and not pending.answer.done():
                pending.answer.set_result(None)
        for ticket, failure in delivery.failed:
            if failed := self._pending.get(ticket):
                self._pending.fail(failed, failure)

    def _count_batch(self, delivery: Delivery) -> None:
        batch = Batch(delivery.model, tuple(item for item, _ in delivery.encoded))
        rate = self._options.sample_rate
        telemetry = self._telemetry
        label = model_of(batch.model)
        telemetry.batch_items.labels(label).observe(len(batch.items))
        telemetry.batch_padded_seconds.labels(label).observe(batch.padded_samples / rate)
        telemetry.batch_padding_share.labels(label).observe(batch.padding_share)
        # A model may be gone whose last request was cancelled while this batch ran.
        served = self._models.get(batch.model)
        if served is not None and delivery.seconds <= self._options.hang_seconds:
            served.speed.record(
                audio_seconds=batch.samples / rate, compute_seconds=delivery.seconds
            )

    def _device_failed(self, thread: DeviceThread, fault: Fault) -> None:
        self._pending.fail_all(fault.as_error, thread=thread)
