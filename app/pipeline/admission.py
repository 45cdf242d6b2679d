"""Decides before a request's body is read whether it can be answered in time."""

import math
import time
from collections.abc import Callable

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
        if deadline is None:
            patience = max(self._patience, _LONG_FACTOR * own)
        else:
            # How long it takes by itself is not known for certain before it is decoded.
            patience = max(deadline - now, own)
        expected = own + ahead
        late = expected - _USED_SHARE * patience
        common = deadline is None and patience == self._patience
        schedule = self._schedule if common else self._own_limits
        if late <= 0:
            takes_no_place = schedule.admits(now=now)
            if takes_no_place or not common or expected <= _KEPT_SHARE * patience:
                return
            reason = "The room that is left is kept for requests that were refused before"
        else:
            limit = "the request's timeout" if deadline is not None else "NORDLYD_MAX_WAIT_SECONDS"
            reason = (
                f"An answer would take about {math.ceil(expected)} s, and is expected within "
                f"{patience:.3g} s ({limit})"
            )
        wait = max(0.0, min(late, ahead))
        seconds = schedule.retry_after(wait, own, now=now)
        raise OverloadedError(
            f"{reason}. Try again in {math.ceil(seconds)} s, or hand the recording in with "
            "POST /jobs and fetch the result later.",
            retry_after=seconds,
        )
