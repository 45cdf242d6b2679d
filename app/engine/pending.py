"""The requests in the engine, and how much of each is still to be computed."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from prometheus_client import Gauge

from app.engine.admission import Arrival, Backlog, SpeedMeter
from app.engine.device import DeviceThread, Work
from app.engine.stitch import Stitcher
from app.engine.types import EncodeRequest, WindowCallback, WindowT
from app.errors import NordlydError

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ServedModel:
    """An encoder that is served: its device thread, and how fast it has been."""

    thread: DeviceThread
    speed: SpeedMeter = field(default_factory=SpeedMeter)


@dataclass(slots=True, eq=False)
class Pending:
    """A request that was admitted and is not answered yet.

    Attributes:
        ticket: its number, by which the device thread knows it.
        request_id: for the logs.
        caller: who sent it.
        model: the encoder that it waits for.
        shares: samples that each window stands for, as `window_shares` returns them.
        overhead: samples computed for each sample of the recording; above 1 with context.
        stitcher: collects its emissions.
        answer: done once the request is answered.
        background: whether it is served only while no other request waits.
        outstanding_samples: samples of its recording that are not computed yet.
        encode_seconds: how long batches with a window of this request were running.
        begun: instant at which the first of them began; None before it has ended.
    """

    ticket: int
    request_id: str
    caller: str
    model: ServedModel
    shares: tuple[int, ...]
    overhead: float
    stitcher: Stitcher
    answer: asyncio.Future[None]
    background: bool = False
    outstanding_samples: int = 0
    encode_seconds: float = 0.0
    begun: float | None = None

    def fail(self, error: Exception) -> None:
        """Answers with an error, unless it is answered already."""
        if not self.answer.done():
            self.answer.set_exception(error)


class PendingRequests:
    """Every request that was admitted and is not answered yet, by ticket.

    Args:
        sample_rate: samples per second of every recording.
        queue_seconds: shows the audio that waits or runs, in seconds.
    """

    def __init__(self, sample_rate: int, queue_seconds: Gauge) -> None:
        self._sample_rate = sample_rate
        self._queue_seconds = queue_seconds
        self._tickets = itertools.count()
        self._pending: dict[int, Pending] = {}
        self._outstanding_samples = 0

    def add(
        self,
        request: EncodeRequest[WindowT],
        model: ServedModel,
        work: Work,
        on_window: WindowCallback | None,
    ) -> Pending:
        """Returns an admitted request under a ticket of its own."""
        shares = window_shares(request)
        pending = Pending(
            ticket=next(self._tickets),
            request_id=request.request_id,
            caller=request.caller,
            model=model,
            shares=shares,
            overhead=work.samples / sum(shares),
            stitcher=Stitcher(request.windows, on_window),
            answer=asyncio.get_running_loop().create_future(),
            background=request.background,
        )
        self._pending[pending.ticket] = pending
        self._count(pending, sum(shares))
        return pending

    def get(self, ticket: int) -> Pending | None:
        """The request with that ticket; None once it was removed."""
        return self._pending.get(ticket)

    def computed(self, pending: Pending, index: int) -> None:
        """Counts one window of a request as computed."""
        self._count(pending, -pending.shares[index])

    def remove(self, pending: Pending) -> None:
        """Forgets a request that is answered or was cancelled."""
        del self._pending[pending.ticket]
        self._count(pending, -pending.outstanding_samples)

    def fail(self, pending: Pending, error: NordlydError) -> None:
        """Answers a request with an error, unless it is answered already."""
        if not pending.answer.done():
            _log.warning("request failed", request_id=pending.request_id, reason=error.message)
            pending.fail(error)

    def fail_all(
        self, make_error: Callable[[], NordlydError], *, thread: DeviceThread | None = None
    ) -> None:
        """Answers every request with an error of its own, or those of one device thread."""
        for pending in self._pending.values():
            if thread is None or pending.model.thread is thread:
                self.fail(pending, make_error())

    @property
    def audio_seconds(self) -> float:
        """Audio that waits or runs, in seconds, without that in the background."""
        return self._outstanding_samples / self._sample_rate

    def callers(self) -> Counter[str]:
        """Returns how many requests each caller has here."""
        return Counter(pending.caller for pending in self._pending.values())

    def backlogs(self) -> list[Backlog]:
        """Returns what waits or runs, as if devices that work side by side were one.

        What is in the background is not counted, since it lets all others go first.
        """
        interactive = [pending for pending in self._pending.values() if not pending.background]
        busy = {pending.model.thread.device for pending in interactive}
        backlogs = []
        for pending in interactive:
            audio = pending.outstanding_samples / self._sample_rate
            compute = audio * pending.overhead * pending.model.speed.real_time_factor
            backlogs.append(Backlog(pending.caller, audio, compute / len(busy)))
        return backlogs

    def _count(self, pending: Pending, samples: int) -> None:
        pending.outstanding_samples += samples
        if pending.background:
            return
        self._outstanding_samples += samples
        self._queue_seconds.set(self.audio_seconds)


def window_shares(request: EncodeRequest[WindowT]) -> tuple[int, ...]:
    """Returns the samples that each window stands for, which add up to the recording.

    They reach from each window's beginning to the next one's, so that no context counts twice.
    """
    starts = [window.start for window in request.windows]
    ends = [*starts[1:], request.windows[-1].stop]
    return tuple(end - start for start, end in zip(starts, ends, strict=True))


def arrival_of(request: EncodeRequest[WindowT], model: ServedModel, sample_rate: int) -> Arrival:
    """Returns what admission needs to know of a request."""
    computed = sum(window.stop - window.start for window in request.windows) / sample_rate
    return Arrival(
        caller=request.caller,
        audio_seconds=sum(window_shares(request)) / sample_rate,
        compute_seconds=computed * model.speed.real_time_factor,
        least_seconds=computed * model.speed.best_real_time_factor,
    )
