"""The rules of admission: whether a request may join the queue, and if not, when to try again.

Pure functions of the queue, and a meter of how fast it drains.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.errors import DeadlineExceededError, OverloadedError

_MIN_RETRY_SECONDS = 1.0
_MAX_RETRY_SECONDS = 600.0
# A refused request that is so much late is not expected to come back any more.
_DUE_SECONDS = 5.0
# Batches further back, in compute seconds, count for less and less.
_MEMORY_SECONDS = 5.0
# A batch that took more than this many times as long as expected did not only compute: the process
# was suspended, or the machine was busy with something else.
_MAX_SLOWDOWN = 4.0


class SpeedMeter:
    """Exponentially weighted compute seconds per audio second of one model.

    Both sums decay together, so a long batch counts for more than a short one, whose share
    of fixed costs is a poor measure of how fast the queue drains.
    """

    def __init__(self) -> None:
        self._audio = 0.0
        self._compute = 0.0
        self._first = 0.0

    def record(self, *, audio_seconds: float, compute_seconds: float) -> None:
        """Counts one batch; one that took over four times as long as expected counts as four."""
        if self._audio:
            expected = self.real_time_factor * audio_seconds
            compute_seconds = min(compute_seconds, _MAX_SLOWDOWN * expected or compute_seconds)
        else:
            self._first = compute_seconds / audio_seconds
        kept = math.exp(-compute_seconds / _MEMORY_SECONDS)
        self._audio = kept * self._audio + audio_seconds
        self._compute = kept * self._compute + compute_seconds

    @property
    def real_time_factor(self) -> float:
        """Compute seconds per audio second; 0 before anything was measured."""
        return self._compute / self._audio if self._audio else 0.0

    @property
    def best_real_time_factor(self) -> float:
        """The same at the speed first measured, on an idle device, where that was faster."""
        return min(self._first, self.real_time_factor)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one admitted request still has to be computed.

    Attributes:
        caller: who sent it.
        audio_seconds: of its recording, not computed yet.
        compute_seconds: how long that is expected to take.
    """

    caller: str
    audio_seconds: float
    compute_seconds: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that is to join the queue.

    Attributes:
        caller: who sent it.
        audio_seconds: of its recording.
        compute_seconds: how long it is expected to take.
        least_seconds: the same at the best speed measured.
    """

    caller: str
    audio_seconds: float
    compute_seconds: float
    least_seconds: float


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much audio may wait.

    Attributes:
        max_queue_seconds: audio of all callers, each counted up to its share.
        caller_share: the part of the queue that one caller may fill, 0 to 1.
    """

    max_queue_seconds: float
    caller_share: float

    @property
    def caller_seconds(self) -> float:
        """Audio of one caller above which it may add no more."""
        return self.max_queue_seconds * self.caller_share


class RetrySchedule:
    """Spreads refused requests over the time in which they can be served.

    If all were to try again at the same instant, most would be refused again. Each refusal
    reserves the time that its work takes, after the refusals before it. A request that is refused
    while one is due to come back counts as that one, and does not start again at the end.

    Args:
        margin: by which factor later than there is expected to be room a request is to come back.
    """

    def __init__(self, *, margin: float = 1.0) -> None:
        self._margin = margin
        self._reserved_until = 0.0
        self._returns: list[float] = []

    def retry_after(self, wait_seconds: float, compute_seconds: float, *, now: float) -> float:
        """Returns the whole seconds after which one more refused request should try again.

        Args:
            wait_seconds: seconds until the queue has room, were nothing else to join it.
            compute_seconds: how long the request is expected to take.
            now: the present instant, in seconds.
        """
        instant = now + wait_seconds
        if not self.claim(now=now):
            instant = max(instant, self._reserved_until)
            instant = min(instant, now + _MAX_RETRY_SECONDS)
            self._reserved_until = instant + compute_seconds
        seconds = min(self._margin * (instant - now), _MAX_RETRY_SECONDS)
        # Whole seconds, as the header has them: a client is due at the instant that it was given.
        seconds = max(float(math.ceil(seconds)), _MIN_RETRY_SECONDS)
        heapq.heappush(self._returns, now + seconds)
        return seconds

    def claim(self, *, now: float) -> bool:
        """Counts a request as one that was refused, if any is due; returns whether one was."""
        if not self.is_due(now=now):
            return False
        heapq.heappop(self._returns)
        return True

    def is_due(self, *, now: float) -> bool:
        """Returns whether a request that was refused is due to come back; claims none."""
        while self._returns and self._returns[0] < now - _DUE_SECONDS:
            heapq.heappop(self._returns)
        return bool(self._returns) and self._returns[0] <= now

    @property
    def expects_returns(self) -> bool:
        """Whether any request that was refused is still expected back."""
        return bool(self._returns)

    def clear(self) -> None:
        """Drops the reservations; those refused did not come back."""
        self._reserved_until = 0.0
        self._returns.clear()


def seconds_ahead(others: Iterable[tuple[str, float]], caller: str, own_seconds: float) -> float:
    """Returns the compute seconds that fair queueing serves before a request is done.

    Turns go round the callers, and within a caller round its requests; so a request that
    needs `own_seconds` is overtaken by at most as much of every other of its caller, and its
    caller by at most as much of every other caller (processor sharing on two levels).

    Args:
        others: of every other request its caller, and the compute seconds that it needs.
        caller: of the request.
        own_seconds: that the request needs.
    """
    by_caller: defaultdict[str, float] = defaultdict(float)
    for name, seconds in others:
        by_caller[name] += min(seconds, own_seconds)
    own = by_caller.pop(caller, 0.0)
    return own + sum(min(others, own + own_seconds) for others in by_caller.values())


def check_room(arrival: Arrival, backlogs: Sequence[Backlog], limits: QueueLimits) -> None:
    """Does nothing if the queue has room for a request of its caller.

    Of each caller no more counts than its share, so that the others lose no more of the queue than
    that, however long its recordings are. Alone, a caller's recording of any length can join.

    Raises:
        OverloadedError: with the seconds until there will be room.
    """
    by_caller: defaultdict[str, float] = defaultdict(float)
    for backlog in backlogs:
        by_caller[backlog.caller] += backlog.audio_seconds
    own = by_caller[arrival.caller]
    compute = sum(backlog.compute_seconds for backlog in backlogs)
    queued = sum(by_caller.values())
    seconds_each = compute / queued if queued else 0.0
    accepted = limits.caller_seconds
    if own and own + arrival.audio_seconds > accepted:
        excess = min(own, own + arrival.audio_seconds - accepted) * seconds_each
        ahead = sum(min(audio * seconds_each, excess) for audio in by_caller.values())
        raise OverloadedError(
            f"Your requests hold {own:.0f} s of audio in the queue, and one caller may hold "
            f"{accepted:.0f} s.",
            retry_after=ahead,
        )
    counted = sum(min(audio, accepted) for audio in by_caller.values())
    excess = counted + min(arrival.audio_seconds, accepted) - limits.max_queue_seconds
    if counted and excess > 0:
        raise OverloadedError(
            f"The queue holds {counted:.0f} s of audio, each caller's counted up to "
            f"{accepted:.0f} s, and accepts {limits.max_queue_seconds:.0f} s.",
            retry_after=min(counted, excess) * seconds_each,
        )


def check_deadline(arrival: Arrival, backlogs: Sequence[Backlog], *, left: float) -> None:
    """Does nothing if a request can be done before its deadline.

    Args:
        arrival: the request.
        backlogs: the queue.
        left: seconds until its deadline.

    Raises:
        OverloadedError: it could be done in time, were the queue shorter.
        DeadlineExceededError: it could not be done in time even alone.
    """
    if arrival.least_seconds > left:
        raise DeadlineExceededError(
            f"This recording takes about {arrival.least_seconds:.1f} s, and the request's "
            f"deadline is {left:.1f} s away."
        )
    others = ((backlog.caller, backlog.compute_seconds) for backlog in backlogs)
    ahead = seconds_ahead(others, arrival.caller, arrival.compute_seconds)
    late = ahead + arrival.compute_seconds - left
    if ahead and late > 0:
        raise OverloadedError(
            f"The request would be done in about {ahead + arrival.compute_seconds:.0f} s, and its "
            f"deadline is {left:.0f} s away.",
            retry_after=min(late, ahead),
        )
