"""Decides whether a request may join the queue; a refusal has the time of the next attempt."""

import math
from collections.abc import Callable, Sequence

from app.engine.admission import (
    Arrival,
    Backlog,
    QueueLimits,
    RetrySchedule,
    check_deadline,
    check_room,
)
from app.engine.types import EngineOptions
from app.errors import DeadlineExceededError, OverloadedError


class AdmissionController:
    """Admits requests to the queue, or refuses them.

    Args:
        options: limits of the queue.
        clock: seconds, monotonic; deadlines are instants of it.
    """

    def __init__(self, options: EngineOptions, clock: Callable[[], float]) -> None:
        self._limits = QueueLimits(options.max_queue_seconds, options.caller_share)
        self._clock = clock
        self._schedule = RetrySchedule()

    def check_arrival(
        self, arrival: Arrival, backlogs: Sequence[Backlog], deadline: float | None
    ) -> None:
        """Does nothing if a request whose length is known may join the queue.

        Raises:
            OverloadedError: there is no room, or no time; with the seconds until there is.
            DeadlineExceededError: it could not be done in time even alone.
        """
        now = self._clock()
        if deadline is not None and deadline <= now:
            raise DeadlineExceededError("The request's deadline had passed when it arrived.")
        try:
            check_room(arrival, backlogs, self._limits)
            if deadline is not None:
                check_deadline(arrival, backlogs, left=deadline - now)
        except OverloadedError as error:
            raise self._refusal(error, arrival.compute_seconds, now) from None

    def _refusal(self, error: OverloadedError, compute: float, now: float) -> OverloadedError:
        seconds = self._schedule.retry_after(error.retry_after, compute, now=now)
        return OverloadedError(
            f"{error.message} Try again in {math.ceil(seconds)} s.", retry_after=seconds
        )
