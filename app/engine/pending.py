"""Requests in the engine, and how much of them is still to be computed."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from app.engine.admission import Arrival, Backlog, SpeedMeter
from app.engine.device import DeviceThread
from app.engine.stitch import Stitcher
from app.engine.types import EncodeRequest, WindowT


@dataclass(slots=True)
class ServedModel:
    """An encoder that is served: where, how fast it has been, and what it still has to do."""

    thread: DeviceThread
    speed: SpeedMeter = field(default_factory=SpeedMeter)
    queued_samples: int = 0


@dataclass(slots=True)
class Pending:
    """A request that has been admitted and not answered yet.

    `shares` are as `window_shares` says, and `overhead` is how much more is computed.
    """

    ticket: int
    request_id: str
    caller: str
    model: ServedModel
    shares: tuple[int, ...]
    overhead: float
    stitcher: Stitcher
    answer: asyncio.Future[None]
    outstanding_samples: int = 0
    encode_seconds: float = 0.0

    def fail(self, error: Exception) -> None:
        """Answer with an error, unless it is answered already."""
        if not self.answer.done():
            self.answer.set_exception(error)


def window_shares(request: EncodeRequest[WindowT]) -> tuple[int, ...]:
    """Returns the samples that each window stands for, which add up to the recording.

    They reach from each window's beginning to the next one's, so that no context counts twice.
    """
    starts = [window.start for window in request.windows]
    ends = [*starts[1:], request.windows[-1].stop]
    return tuple(end - start for start, end in zip(starts, ends, strict=True))


def arrival_of(request: EncodeRequest[WindowT], model: ServedModel, sample_rate: int) -> Arrival:
    """Returns what the door needs to know of a request."""
    computed = sum(window.stop - window.start for window in request.windows) / sample_rate
    return Arrival(
        caller=request.caller,
        audio_seconds=sum(window_shares(request)) / sample_rate,
        compute_seconds=computed * model.speed.real_time_factor,
        least_seconds=computed * model.speed.at_best,
    )


def backlogs_of(pendings: Collection[Pending], sample_rate: int) -> list[Backlog]:
    """Returns what waits or runs, as if devices that work side by side were one."""
    busy = {pending.model.thread.device for pending in pendings}
    found = []
    for pending in pendings:
        audio = pending.outstanding_samples / sample_rate
        compute = audio * pending.overhead * pending.model.speed.real_time_factor
        found.append(Backlog(pending.caller, audio, compute / len(busy)))
    return found
