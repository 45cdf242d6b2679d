"""Decides whether a request may join the queue; a refusal has the time of the next attempt."""

import math
from collections.abc import Callable, Mapping, Sequence

from app.engine.admission import (
    Arrival,
    Backlog,
    QueueLimits,
    RetrySchedule,
    check_deadline,
    check_room,
    check_wait,
)
from app.engine.types import EngineOptions
from app.errors import DeadlineExceededError, OverloadedError

# The length expected of a recording before any was seen, and the weight that it and every later
# expectation keep when one more is seen.
_FIRST_AUDIO_SECONDS = 10.0
_MEMORY = 0.95


class AdmissionController:
    """Admits requests to the queue, or refuses them.

    Args:
        options: limits of the queue.
        clock: seconds, monotonic; deadlines are instants of it.
    """

    def __init__(self, options: EngineOptions, clock: Callable[[], float]) -> None:
        self._limits = QueueLimits(options.max_queue_seconds, options.caller_share)
        self._max_wait = options.max_wait_seconds
        self._window_seconds = options.window_seconds
        self._clock = clock
        self._schedule = RetrySchedule()
        self._expected_audio_seconds = _FIRST_AUDIO_SECONDS

    def check_arrival(
        self, arrival: Arrival, backlogs: Sequence[Backlog], deadline: float | None
    ) -> None:
        """Does nothing if a request whose length is known may join the queue.

        Raises:
            OverloadedError: there is no room, or no time; with the seconds until there is.
            DeadlineExceededError: it could not be done in time even alone.
        """
        now = self._clock()
        self._expected_audio_seconds = (
            _MEMORY * self._expected_audio_seconds + (1 - _MEMORY) * arrival.audio_seconds
        )
        if deadline is not None and deadline <= now:
            raise DeadlineExceededError("The request's deadline had passed when it arrived.")
        try:
            check_room(arrival, backlogs, self._limits)
            if deadline is not None:
                check_deadline(arrival, backlogs, left=deadline - now)
        except OverloadedError as error:
            raise self._refusal(error, arrival.compute_seconds, now) from None

    def check_before_body(
        self,
        caller: str,
        backlogs: Sequence[Backlog],
        arriving: Mapping[str, int],
        *,
        real_time_factor: float,
        deadline: float | None,
    ) -> None:
        """Does nothing if the body of a request may be read, whose length is not known yet.

        It is expected to be as long as the requests before it were, and so is every other that
        is still being read or decoded.

        Args:
            caller: who sent it.
            backlogs: what waits in the queue.
            arriving: by caller, its requests that were admitted and are not in the queue yet.
            real_time_factor: compute seconds per audio second.
            deadline: instant by which it must be answered, where that is known.

        Raises:
            OverloadedError: its work would not begin, or not end, in time.
        """
        now = self._clock()
        audio = self._expected_audio_seconds
        compute = audio * real_time_factor
        arrival = Arrival(caller, audio, compute, 0.0)
        ahead = [
            *backlogs,
            *(
                Backlog(sender, audio, compute)
                for sender, count in arriving.items()
                for _ in range(count)
            ),
        ]
        left = math.inf if deadline is None else deadline - now
        try:
            check_room(arrival, ahead, self._limits)
            check_wait(
                arrival,
                ahead,
                first_seconds=self._window_seconds * real_time_factor,
                max_wait=self._max_wait if deadline is None else max(0.0, left - compute),
            )
        except OverloadedError as error:
            raise self._refusal(error, compute, now) from None

    def _refusal(self, error: OverloadedError, compute: float, now: float) -> OverloadedError:
        seconds = self._schedule.retry_after(error.retry_after, compute, now=now)
        return OverloadedError(
            f"{error.message} Try again in {math.ceil(seconds)} s.", retry_after=seconds
        )
