"""The records of jobs and their events in the database.

Every function is one transaction. What it changes, it changes only in the state that it is meant
for. `work_records` has the transactions of the work on a job.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.contract.jobs import ENDED, Job, JobEvent, JobStatus
from app.jobs.job_table import JobTable
from app.jobs.retention import End
from app.jobs.rows import Record, change_job, job_fields, job_of
from app.jobs.schema import job_events, jobs
from app.jobs.types import Owner

UNFINISHED = jobs.c.phase == "live", jobs.c.status.in_(("queued", "processing"))
"""Where a job is still to be done."""


class Records(JobTable):
    """Reads and writes the records."""

    async def enqueued(self, job_id: str) -> None:
        """Notes that the workflow of a job is in the queue."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs).where(jobs.c.id == job_id).values(enqueued=True)
            )
        )

    async def not_enqueued(self, before: float) -> Sequence[tuple[str, Owner]]:
        """Returns the jobs, and their owners, made before an instant and not in the queue."""
        query = sa.select(jobs.c.id, jobs.c.owner).where(
            *UNFINISHED,
            jobs.c.enqueued.is_(False),
            jobs.c.created_at < before,
        )
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [(row.id, row.owner) for row in rows]

    async def find(self, owner: Owner, job_id: str) -> Record | None:
        """Returns a job of an owner; None where there is none."""
        return await self._one(jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.phase == "live")

    async def live(self, job_id: str) -> Record | None:
        """Returns a job, whosever it is; None where there is none."""
        return await self._one(jobs.c.id == job_id, jobs.c.phase == "live")

    async def of_key(self, owner: Owner, key: str) -> Record | None:
        """Returns the job of an idempotency key, received or not; None where there is none."""
        return await self._one(
            jobs.c.owner == owner, jobs.c.idempotency_key == key, jobs.c.phase != "erasing"
        )

    async def page(
        self,
        owner: Owner,
        *,
        status: JobStatus | None,
        limit: int,
        after: str | None,
        protocol: str | None,
    ) -> Sequence[Job]:
        """Returns up to `limit` jobs of an owner with ids below `after`, the newest first."""
        query = sa.select(jobs).where(jobs.c.owner == owner, jobs.c.phase == "live")
        if status is not None:
            query = query.where(jobs.c.status == status)
        if protocol is not None:
            query = query.where(jobs.c.protocol == protocol)
        if after is not None:
            query = query.where(jobs.c.id < after)
        query = query.order_by(jobs.c.id.desc()).limit(limit)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [job_of(row._mapping) for row in rows]

    async def note_fetched(self, record: Record) -> None:
        """Notes that the result of a completed job was read first."""
        completed_at = record.job.completed_at
        assert completed_at is not None
        end = End("completed", completed_at.timestamp(), self._now(), record.expires_in)
        training = record.job.training
        expires_at = self._policy.job_expires_at(end, training=training)
        values = {"fetched_at": end.fetched_at, "expires_at": expires_at}
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs)
                .where(
                    jobs.c.id == record.job.id,
                    jobs.c.fetched_at.is_(None),
                    # What its sender agreed to meanwhile decides when it expires.
                    jobs.c.training.is_(training),
                )
                .values(values)
            )
        )

    async def mark_erasing(self, owner: Owner, job_id: str) -> JobEvent | None:
        """Hides a job of an owner for good.

        Returns:
            The job's last event, cancelled where it had not ended; None where there is no job.
        """

        def work(connection: sa.Connection) -> JobEvent | None:
            where = jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.phase == "live"
            found = connection.execute(sa.select(jobs).where(*where).with_for_update()).first()
            if found is None:
                return None
            values: dict[str, Any] = {"phase": "erasing", "idempotency_key": None}
            if found.status not in ENDED:
                values |= {
                    "status": "cancelled", "completed_at": self._now(), "seconds_left": None,
                }  # fmt: skip
            job = change_job(connection, job_id, where, values, "status")
            last = connection.execute(
                sa.select(sa.func.max(job_events.c.id)).where(job_events.c.job_id == job_id)
            ).scalar_one()
            return None if job is None else JobEvent(id=last, event="status", job=job)

        return await self._database.run(work)

    async def to_erase(self) -> Sequence[str]:
        """Returns the jobs that are marked for erasure."""
        query = sa.select(jobs.c.id).where(jobs.c.phase == "erasing")
        return await self._database.run(
            lambda connection: connection.execute(query).scalars().all()
        )

    async def delete(self, job_id: str) -> None:
        """Deletes the rows of a job that was marked for erasure."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(job_events).where(job_events.c.job_id == job_id))
            connection.execute(
                sa.delete(jobs).where(jobs.c.id == job_id, jobs.c.phase == "erasing")
            )

        await self._database.run(work)

    async def unfinished(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Returns which of these jobs have not ended and are not to be erased."""
        query = sa.select(jobs.c.id).where(jobs.c.id.in_(job_ids), *UNFINISHED)
        rows = await self._database.run(
            lambda connection: connection.execute(query).scalars().all()
        )
        return frozenset(rows)

    async def events(self, job: Job, after: int) -> Sequence[JobEvent]:
        """Returns the events of a job with ids above `after`, in order."""
        query = (
            sa.select(job_events)
            .where(job_events.c.job_id == job.id, job_events.c.id > after)
            .order_by(job_events.c.id)
        )
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [
            JobEvent(id=row.id, event=row.event, job=job.model_copy(update=job_fields(row.fields)))
            for row in rows
        ]

    async def _one(self, *where: sa.ColumnElement[bool]) -> Record | None:
        return next(iter(await self._records(*where)), None)
