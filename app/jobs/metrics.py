"""The metrics of jobs and webhooks: states from the database, and what ends in this process."""

from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sa

from app.contract.jobs import Job
from app.contract.webhooks import DeliveryState
from app.database import Database
from app.jobs.schema import jobs
from app.telemetry import KEPT_STATES, Telemetry


class _Census(NamedTuple):
    """The jobs in the database, by status, and when the oldest queued one was submitted."""

    by_status: dict[str, int]
    oldest_queued: float | None


class JobMetrics:
    """Writes the metrics of jobs and webhooks.

    Args:
        telemetry: has the metrics.
        database: has the jobs.
        now: the time in seconds since 1970.
    """

    def __init__(self, telemetry: Telemetry, database: Database, now: Callable[[], float]) -> None:
        self._telemetry = telemetry
        self._database = database
        self._now = now

    async def refresh(self) -> None:
        """Reads the number of jobs in each state, and the age of the oldest queued one.

        Raises:
            JobsUnavailableError: the database cannot be reached.
        """
        census = await self._database.run(_take_census)
        for status in KEPT_STATES:
            self._telemetry.jobs.labels(status).set(census.by_status.get(status, 0))
        oldest = census.oldest_queued
        age = 0.0 if oldest is None else max(0.0, self._now() - oldest)
        self._telemetry.oldest_queued_job_seconds.set(age)

    def note_end(self, job: Job) -> None:
        """Counts a job that this process has ended."""
        self._telemetry.jobs_ended.labels(job.status).inc()
        if job.status != "cancelled" and job.completed_at is not None:
            # The clock may have been set back meanwhile.
            seconds = max(0.0, (job.completed_at - job.created_at).total_seconds())
            self._telemetry.job_seconds.observe(seconds)

    def note_webhook_attempt(self, state: DeliveryState) -> None:
        """Counts an attempt to deliver a webhook, by the state of the delivery after it."""
        self._telemetry.webhook_attempts.labels(state).inc()


def _take_census(connection: sa.Connection) -> _Census:
    live = jobs.c.phase == "live"
    counts = (
        sa.select(jobs.c.status, sa.func.count().label("number"))
        .where(live)
        .group_by(jobs.c.status)
    )
    oldest = sa.select(sa.func.min(jobs.c.created_at)).where(live, jobs.c.status == "queued")
    by_status = {row.status: row.number for row in connection.execute(counts)}
    return _Census(by_status, connection.execute(oldest).scalar_one())
