"""The records of jobs as the work on them changes them.

Every function is one transaction, which has an effect only while the process is registered in the
table of executors: one that others took for lost, as it hung or was cut off from the database, has
no effect on the jobs that they continue.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from app.contract.errors import ErrorDetail
from app.contract.jobs import Job, JobStatus
from app.database import Database
from app.jobs.executors import is_registered
from app.jobs.job_table import JobTable
from app.jobs.records import UNFINISHED
from app.jobs.retention import End, RetentionPolicy
from app.jobs.rows import Record, change_job, record_of
from app.jobs.schema import jobs
from app.jobs.webhooks.outbox import add_delivery

_T = TypeVar("_T")


class ExecutorLostError(Exception):
    """The process was taken for lost: others continue its jobs."""


class WorkRecords(JobTable):
    """Changes the records of the jobs that one process works on.

    Every method raises `ExecutorLostError` once the process is not registered any more.

    Args:
        database: that has them.
        policy: how long a job is kept that has ended.
        now: the time in seconds since 1970; any thread may call it.
        executor: the process, as the table of executors has it; None where it is alone.
    """

    def __init__(
        self,
        database: Database,
        policy: RetentionPolicy,
        now: Callable[[], float],
        executor: str | None,
    ) -> None:
        super().__init__(database, policy, now)
        self._executor = executor

    async def check_registered(self) -> None:
        """Checks that the process may still work on its jobs."""
        if self._executor is not None:
            await self._run(lambda _: None)

    async def is_live(self, job_id: str) -> bool:
        """Returns whether there is such a job that is not to be erased."""
        query = sa.select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.phase == "live")
        return await self._run(lambda connection: connection.execute(query).first() is not None)

    async def begin(self, job_id: str, *, first: bool) -> Record | None:
        """Notes that work on a job begins.

        Args:
            job_id: the job.
            first: whether it counts as an attempt: the first of a process does.

        Returns:
            The job; None where there is nothing more to do for it.
        """

        def work(connection: sa.Connection) -> Record | None:
            where = jobs.c.id == job_id, *UNFINISHED
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

        return await self._run(work)

    async def fetched_from_url(
        self, job_id: str, name: str, content_type: str | None, recording_digest: str
    ) -> None:
        """Notes what was fetched as the recording of a job."""
        values = {
            "name": name, "content_type": content_type, "recording_digest": recording_digest,
        }  # fmt: skip
        await self._run(
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

        return await self._run(work)

    async def note_kept(self, job_id: str) -> None:
        """Notes that some of the work on a job is kept, so that its attempts make progress."""
        await self._run(
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
        language: str | None = None,
        model: str | None = None,
        error: ErrorDetail | None = None,
    ) -> Job | None:
        """Ends a job; None where it had ended or was erased.

        Args:
            job_id: the job.
            status: in which it ends.
            duration: of the recording, where it was transcribed.
            language: that was transcribed; None leaves what was expected.
            model: that did it; None leaves what was expected.
            error: why it failed.
        """

        def work(connection: sa.Connection) -> Job | None:
            where = jobs.c.id == job_id, *UNFINISHED
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
            if language is not None:
                values["language"] = language
            if model is not None:
                values["model"] = model
            if error is not None:
                values["error"] = error.model_dump()
            if found.webhook_url is not None:
                add_delivery(connection, job_id, found.webhook_url, end.completed_at)
            return change_job(connection, job_id, where, values, "status")

        return await self._run(work)

    async def _run(self, work: Callable[[sa.Connection], _T]) -> _T:
        executor = self._executor

        def transaction(connection: sa.Connection) -> _T:
            if executor is not None and not is_registered(connection, executor):
                raise ExecutorLostError
            return work(connection)

        return await self._database.run(transaction)
