"""Decides before a request's body is read whether it can be answered in time."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.engine import RetrySchedule, seconds_ahead
from app.errors import OverloadedError
from app.pipeline.workload import Work, Workload

# The share of the patience that a prediction may use up: predictions are wrong by some.
_USED_SHARE = 0.8
# A recording that takes long by itself may take so many times as long beside others.
_LONG_FACTOR = 3.0

# Of the patience. Above it, room is kept for those who were refused and are still to come back;
# below it, they are fewer or later than expected, and the room is for whoever comes.
_KEPT_SHARE = 0.5

# For so long a finding about the queue stands for the next requests.
_FRESH_SECONDS = 0.05

# Those refused come back this much later than there is expected to be room.
_RETRY_MARGIN = 1.25


class RequestAdmission:
    """Refuses requests that would wait too long; a refusal says when to try again.

    Args:
        workload: what was accepted.
        patience: seconds within which a request without a deadline expects its answer; a recording
            that takes long by itself has more.
        background_seconds: returns how long the device may still work for requests in the
            background, before it turns to others.
        clock: seconds, monotonic; deadlines are instants of it.
    """

    def __init__(
        self,
        workload: Workload,
        *,
        patience: float,
        background_seconds: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workload = workload
        self._patience = patience
        self._background_seconds = background_seconds
        self._clock = clock
        self._recent: _Finding | None = None
        self._schedule = RetrySchedule(margin=_RETRY_MARGIN)
        # Of requests with a limit of their own, whose room is at another length of the queue.
        self._own_limits = RetrySchedule(margin=_RETRY_MARGIN)

    def check(self, work: Work, deadline: float | None) -> None:
        """Does nothing if a request, whose body has not been read, is expected in time.

        Args:
            work: the request, one of the workload.
            deadline: instant by which it must be answered, where the client set one.

        Raises:
            OverloadedError: it would be answered too late, because of others; with the seconds
                until it would be accepted.
        """
        now = self._clock()
        own = self._workload.seconds_of(work)
        ahead = seconds_ahead(self._workload.others(work), work.caller, own)
        if not ahead:
            # Were those that were refused coming back, there would be work.
            self._schedule.clear()
            self._own_limits.clear()
            return
        ahead += self._background_seconds()
        patience = self._patience_for(own)
        if deadline is None:
            common = patience == self._patience
        else:
            # How long it takes by itself is not known for certain before it is decoded.
            patience, common = max(deadline - now, own), False
        late = own + ahead - _USED_SHARE * patience
        schedule = self._schedule if common else self._own_limits
        if late <= 0:
            claimed = schedule.claim(now=now)
            if claimed or not common or not self._is_kept(own + ahead):
                return
        limit = "NORDLYD_MAX_WAIT_SECONDS" if deadline is None else "the request's timeout"
        raise self._refusal(
            schedule, own, ahead, late=late, now=now, limit=f"{patience:.3g} s ({limit})"
        )

    def refuse_at_once(self, work: Work) -> None:
        """Raises what `check` would for a request without a deadline; admits nothing.

        For a moment, requests of the same caller are refused by what was found for the last one:
        going through the queue for each costs more than all else that is done for a refusal.

        Raises:
            OverloadedError: as `check`.
        """
        now = self._clock()
        own = self._workload.seconds_of(work)
        patience = self._patience_for(own)
        if patience != self._patience:
            return
        recent = self._recent
        if recent is not None and recent.holds_for(work.caller, own, now):
            ahead = recent.ahead
        else:
            self._recent = None
            ahead = seconds_ahead(self._workload.others(work), work.caller, own)
            if not ahead:
                return
            ahead += self._background_seconds()
        late = own + ahead - _USED_SHARE * patience
        if late <= 0 and (self._schedule.is_due(now=now) or not self._is_kept(own + ahead)):
            self._recent = None
            return
        if self._recent is None:
            self._recent = _Finding(work.caller, own, ahead, now)
        limit = f"{patience:.3g} s (NORDLYD_MAX_WAIT_SECONDS)"
        raise self._refusal(self._schedule, own, ahead, late=late, now=now, limit=limit)

    def _refusal(
        self,
        schedule: RetrySchedule,
        own: float,
        ahead: float,
        *,
        late: float,
        now: float,
        limit: str,
    ) -> OverloadedError:
        """Returns the error for a request that is late by so many seconds, or takes kept room."""
        # Many refusals at once slow the service while they last, and not when their clips return.
        share = self._workload.steady_share
        wait = max(0.0, min(late, ahead))
        seconds = schedule.retry_after(share * wait, share * own, now=now)
        if late > 0:
            reason = (
                f"An answer would take about {math.ceil(own + ahead)} s, and is expected within "
                f"{limit}"
            )
        else:
            reason = "The room that is left is kept for requests that were refused before"
        return OverloadedError(
            f"{reason}. Try again in {math.ceil(seconds)} s, or hand the recording in with "
            "POST /jobs and fetch the result later.",
            retry_after=seconds,
        )

    def _patience_for(self, own: float) -> float:
        return max(self._patience, _LONG_FACTOR * own)

    def _is_kept(self, expected: float) -> bool:
        """Returns whether the room at the end of the queue is for those who are to come back."""
        return self._schedule.expects_returns and expected > _KEPT_SHARE * self._patience


@dataclass(frozen=True, slots=True)
class _Finding:
    """How many seconds of work were before a refused request of so many seconds."""

    caller: str
    own: float
    ahead: float
    instant: float

    def holds_for(self, caller: str, own: float, now: float) -> bool:
        """Returns whether as much is before another request, to all appearances."""
        fresh = now - self.instant < _FRESH_SECONDS
        return fresh and caller == self.caller and math.isclose(own, self.own, rel_tol=0.1)
