"""Whether a request may join the queue, and if not, when it is worth asking again.

Pure functions over what waits and how fast it has been seen to drain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import OverloadedError

_MIN_RETRY_SECONDS = 1.0


class SpeedMeter:
    """Exponentially weighted compute seconds per audio second of one model.

    Both sums decay together, so a long batch counts for more than a short one, whose share
    of fixed costs says little about how fast the queue drains.

    Args:
        memory: weight that an earlier batch keeps when a new one is counted, 0 to 1.
    """

    def __init__(self, *, memory: float = 0.9) -> None:
        self._memory = memory
        self._audio = 0.0
        self._compute = 0.0

    def record(self, *, audio_seconds: float, compute_seconds: float) -> None:
        """Count one batch."""
        self._audio = self._memory * self._audio + audio_seconds
        self._compute = self._memory * self._compute + compute_seconds

    @property
    def real_time_factor(self) -> float:
        """Compute seconds per audio second; 0 before anything was measured."""
        return self._compute / self._audio if self._audio else 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """What waits or runs on one device, and how long it is expected to take, in seconds."""

    audio_seconds: float
    compute_seconds: float


def seconds_to_drain(loads: Sequence[Load], audio_seconds: float) -> float:
    """How long until that much of the queued audio is done, all devices at work at once.

    Devices that run dry stop contributing. More than what is queued takes until all is done.
    """
    remaining = audio_seconds
    elapsed = 0.0
    busy = sorted(
        (load for load in loads if load.compute_seconds > 0), key=lambda load: load.compute_seconds
    )
    for position, first_to_finish in enumerate(busy):
        speed = sum(load.audio_seconds / load.compute_seconds for load in busy[position:])
        step = first_to_finish.compute_seconds - elapsed
        if speed * step >= remaining:
            return elapsed + remaining / speed
        remaining -= speed * step
        elapsed = first_to_finish.compute_seconds
    return elapsed


def check_room(request_seconds: float, loads: Sequence[Load], *, max_queue_seconds: float) -> None:
    """Let a request pass if it fits into the queue.

    A request longer than the whole queue passes when the queue is empty; otherwise it could
    never be served.

    Raises:
        OverloadedError: with the seconds until it will fit, at least one.
    """
    queued = sum(load.audio_seconds for load in loads)
    excess = queued + request_seconds - max_queue_seconds
    if excess <= 0 or queued <= 0:
        return
    retry_after = max(_MIN_RETRY_SECONDS, seconds_to_drain(loads, min(excess, queued)))
    raise OverloadedError(
        f"The queue holds {queued:.0f} s of audio and accepts {max_queue_seconds:.0f} s; this "
        f"request adds {request_seconds:.0f} s. Try again in {retry_after:.0f} s.",
        retry_after=retry_after,
    )
