"""Which jobs, and which recordings of jobs, are to be erased by the rules of retention."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import sqlalchemy as sa

from app.database import Database
from app.durations import Keep
from app.jobs.retention import FETCHED_GRACE, UNFETCHABLE, RetentionPolicy
from app.jobs.schema import jobs
from app.jobs.types import Owner

_BATCH = 100


class Due(NamedTuple):
    """A job of which something is to be erased."""

    id: str
    owner: Owner


class Expiry:
    """Finds what is due.

    Args:
        database: has the records.
        policy: the operator's rules.
    """

    def __init__(self, database: Database, policy: RetentionPolicy) -> None:
        self._database = database
        self._policy = policy

    async def apply_stricter_rules(self) -> None:
        """Brings the expiry of jobs that have ended forward, where the rules are now stricter."""
        due_at = _job_due_at(self._policy)
        if due_at is None:
            return
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs)
                .where(
                    *_ENDED,
                    due_at.is_not(None),
                    sa.or_(jobs.c.expires_at.is_(None), jobs.c.expires_at > due_at),
                )
                .values(expires_at=due_at)
            )
        )

    async def jobs(self, now: float) -> Sequence[Due]:
        """Returns jobs that have expired, at most 100."""
        return await self._some(jobs.c.expires_at <= now)

    async def recordings(self, now: float) -> Sequence[Due]:
        """Returns jobs whose recording has expired and is not erased, at most 100."""
        due_at = _due_at(self._policy.audio)
        if due_at is None:
            return ()
        is_kept = () if self._policy.corrections is None else (jobs.c.training.is_(False),)
        return await self._some(jobs.c.audio_erased_at.is_(None), due_at <= now, *is_kept)

    async def note_recording_erased(self, job_id: str, now: float) -> None:
        """Notes that the recording of a job is gone."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs).where(jobs.c.id == job_id).values(audio_erased_at=now)
            )
        )

    async def _some(self, *where: sa.ColumnElement[bool]) -> Sequence[Due]:
        query = sa.select(jobs.c.id, jobs.c.owner).where(*_ENDED, *where).limit(_BATCH)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [Due(row.id, row.owner) for row in rows]


_ENDED = (jobs.c.phase == "live", jobs.c.completed_at.is_not(None))


def _job_due_at(policy: RetentionPolicy) -> "sa.ColumnElement[float] | None":
    """Returns when the rules erase a job; as `_due_at`."""
    results = _due_at(policy.results)
    if policy.corrections is None:
        return results
    corrections = _due_at(policy.corrections)
    if results is None and corrections is None:
        return None
    never = sa.cast(sa.null(), sa.Double)
    return sa.case(
        (jobs.c.training, never if corrections is None else corrections),
        else_=never if results is None else results,
    )


def _due_at(keep: Keep) -> "sa.ColumnElement[float] | None":
    """Returns when a rule erases a job that has ended, in SQL; see `RetentionPolicy`.

    The column is null for a job that waits to be fetched, and None for a rule that never erases.
    """
    if keep == "forever":
        return None
    if isinstance(keep, timedelta):
        return jobs.c.completed_at + keep.total_seconds()
    return sa.case(
        (jobs.c.status == "completed", jobs.c.fetched_at + FETCHED_GRACE.total_seconds()),
        else_=jobs.c.completed_at + UNFETCHABLE.total_seconds(),
    )
