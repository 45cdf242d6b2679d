"""How long the audio and the results of jobs are kept, by the operator's rules and the job's own.

A rule is a length of time after the job's end, `until-fetched`, or `forever`.
"""

from dataclasses import dataclass
from datetime import timedelta

from app.contract.jobs import JobStatus
from app.durations import Keep, format_duration
from app.errors import InvalidRequestError

FETCHED_GRACE = timedelta(minutes=10)
"""A result that was fetched is kept for so long, so that a broken download can be repeated."""
UNFETCHABLE = timedelta(days=7)
"""A job without a result is kept for so long where results are kept until they are fetched."""


@dataclass(frozen=True, slots=True)
class End:
    """What the rules depend on.

    Attributes:
        status: the state that the job ended in.
        completed_at: when it ended, in seconds of the epoch.
        fetched_at: when its result was fetched first; None while it was not.
        expires_in: seconds after its end at which its sender has it erased.
    """

    status: JobStatus
    completed_at: float
    fetched_at: float | None = None
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """The operator's rules.

    Attributes:
        audio: for the recording; by default it is erased when the job ends.
        results: for the whole job.
        corrections: for a job whose corrected transcript is kept for training, instead of the two
            others; None keeps none for training.
    """

    audio: Keep = timedelta(0)
    results: Keep = timedelta(days=7)
    corrections: Keep | None = None

    def check_expires_in(self, seconds: float | None) -> None:
        """Checks what a request brings as `expires_in`.

        Raises:
            InvalidRequestError: the operator keeps no job for so long.
        """
        bound = self.results
        if seconds is None or not isinstance(bound, timedelta):
            return
        if seconds > bound.total_seconds():
            raise InvalidRequestError(
                f"expires_in is {seconds:g} seconds; accepted: at most "
                f"{bound.total_seconds():g}, since this service keeps jobs for "
                f"{format_duration(bound)}.",
                param="expires_in",
            )

    def job_expires_at(self, end: End, *, training: bool = False) -> float | None:
        """Returns when a job is erased, in seconds of the epoch; None where that is not known.

        Args:
            end: of the job.
            training: whether its sender agrees that its correction is kept for training.
        """
        kept = self.corrections if training else None
        due = _due(self.results if kept is None else kept, end)
        if end.expires_in is None:
            return due
        own = end.completed_at + end.expires_in
        return own if due is None else min(due, own)

    def audio_expires_at(self, end: End) -> float | None:
        """Returns when the recording of a job is erased, unless the job is erased before."""
        return _due(self.audio, end)


def _due(keep: Keep, end: End) -> float | None:
    if isinstance(keep, timedelta):
        return end.completed_at + keep.total_seconds()
    if keep == "forever":
        return None
    if end.status != "completed":
        return end.completed_at + UNFETCHABLE.total_seconds()
    return None if end.fetched_at is None else end.fetched_at + FETCHED_GRACE.total_seconds()
