"""The records of jobs and their events in the database.

Every function is one transaction. What it changes, it changes only in the state that it is meant
for, so that of two processes that work on one job, one has an effect.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from app.contract.errors import ErrorDetail
from app.contract.jobs import ENDED, Job, JobEvent, JobStatus
from app.database import Database
from app.jobs.retention import End, RetentionPolicy
from app.jobs.rows import Record, change_job, job_fields, job_of, record_of
from app.jobs.schema import job_events, jobs
from app.jobs.types import Owner
from app.jobs.webhooks.outbox import add_delivery

_UNFINISHED = jobs.c.phase == "live", jobs.c.status.in_(("queued", "processing"))


class Records:
    """Reads and writes the records.

    Args:
        database: that has them.
        policy: how long a job is kept that has ended.
        now: the time in seconds since 1970; any thread may call it.
    """

    def __init__(
        self, database: Database, policy: RetentionPolicy, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._policy = policy
        self._now = now

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
            *_UNFINISHED,
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

    async def begin(self, job_id: str, *, first: bool) -> Record | None:
        """Notes that work on a job begins.

        Args:
            job_id: the job.
            first: whether it counts as an attempt: the first of a process does.

        Returns:
            The job; None where there is nothing more to do for it.
        """

        def work(connection: sa.Connection) -> Record | None:
            where = jobs.c.id == job_id, *_UNFINISHED
            found = connection.execute(sa.select(jobs).where(*where).with_for_update()).first()
            if found is None:
                return None
            values = {"attempts": found.attempts + first, "status": "processing", "enqueued": True}
            if found.status == "queued":
                values["started_at"] = self._now()
                change_job(connection, job_id, where, values, "status")
            else:
                connection.execute(sa.update(jobs).where(*where).values(values))
            return record_of(
                connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one()._mapping
            )

        return await self._database.run(work)

    async def fetched_from_url(
        self, job_id: str, name: str, content_type: str | None, recording_digest: str
    ) -> None:
        """Notes what was fetched as the recording of a job."""
        values = {
            "name": name, "content_type": content_type, "recording_digest": recording_digest,
        }  # fmt: skip
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs).where(jobs.c.id == job_id).values(values)
            )
        )

    async def advance(
        self, job_id: str, *, progress: float, seconds_left: float | None, duration: float | None
    ) -> bool:
        """Notes the progress of a job.

        Returns:
            False where the job is not being processed any more.
        """

        def work(connection: sa.Connection) -> bool:
            values = {
                "progress": progress,
                "seconds_left": seconds_left,
                "duration": duration,
            }
            where = (
                jobs.c.id == job_id, jobs.c.phase == "live", jobs.c.status == "processing",
            )  # fmt: skip
            return change_job(connection, job_id, where, values, "progress") is not None

        return await self._database.run(work)

    async def note_kept(self, job_id: str) -> None:
        """Notes that some of the work on a job is kept, so that its attempts make progress."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs).where(jobs.c.id == job_id).values(attempts=0)
            )
        )

    async def finish(
        self,
        job_id: str,
        status: JobStatus,
        *,
        duration: float | None = None,
        error: ErrorDetail | None = None,
    ) -> Job | None:
        """Ends a job; None where it had ended or was erased."""

        def work(connection: sa.Connection) -> Job | None:
            where = jobs.c.id == job_id, *_UNFINISHED
            query = sa.select(jobs.c.expires_in, jobs.c.webhook_url).where(*where)
            found = connection.execute(query.with_for_update()).first()
            if found is None:
                return None
            end = End(status, completed_at=self._now(), expires_in=found.expires_in)
            values: dict[str, Any] = {
                "status": status,
                "completed_at": end.completed_at,
                "expires_at": self._policy.job_expires_at(end),
                "seconds_left": None,
            }
            if status == "completed":
                values |= {"progress": 1.0, "duration": duration}
            if error is not None:
                values["error"] = error.model_dump()
            if found.webhook_url is not None:
                add_delivery(connection, job_id, found.webhook_url, end.completed_at)
            return change_job(connection, job_id, where, values, "status")

        return await self._database.run(work)

    async def note_fetched(self, record: Record) -> None:
        """Notes that the result of a completed job was read first."""
        completed_at = record.job.completed_at
        assert completed_at is not None
        end = End("completed", completed_at.timestamp(), self._now(), record.expires_in)
        values = {"fetched_at": end.fetched_at, "expires_at": self._policy.job_expires_at(end)}
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == record.job.id, jobs.c.fetched_at.is_(None))
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
        query = sa.select(jobs.c.id).where(jobs.c.id.in_(job_ids), *_UNFINISHED)
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
        query = sa.select(jobs).where(*where)
        row = await self._database.run(lambda connection: connection.execute(query).first())
        return None if row is None else record_of(row._mapping)
