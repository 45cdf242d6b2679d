"""The records of jobs whose recordings are being received, which no one sees yet."""

from collections.abc import Callable

import sqlalchemy as sa

from app import tracing
from app.contract.jobs import Job
from app.database import Database
from app.jobs.rows import change_job
from app.jobs.schema import executors, jobs
from app.jobs.types import Submission

_ERASING = {"phase": "erasing", "idempotency_key": None}


class Receiving:
    """Adds the jobs that a process receives, and finds those whose submission broke off.

    Args:
        database: has the records.
        now: the time in seconds since 1970; any thread may call it.
        receiver: returns the process, as the table of executors has it where there are several.
    """

    def __init__(
        self, database: Database, now: Callable[[], float], receiver: Callable[[], str]
    ) -> None:
        self._database = database
        self._now = now
        self._receiver = receiver

    async def insert(self, job_id: str, submission: Submission, digest: str | None) -> bool:
        """Adds a job whose recording is still to be kept, and which no one sees yet.

        Returns:
            False where the owner has used its idempotency key before: nothing was added.
        """
        url = submission.source if isinstance(submission.source, str) else None
        values = {
            "id": job_id,
            "owner": submission.owner,
            "phase": "receiving",
            "receiver": self._receiver(),
            "enqueued": False,
            "status": "queued",
            "kind": submission.kind,
            "protocol": submission.protocol,
            "name": submission.name,
            "model": submission.model,
            "language": submission.language,
            "options": dict(submission.options),
            "protocol_options": dict(submission.protocol_options),
            "metadata": submission.metadata,
            "url": url,
            "webhook_url": submission.webhook_url,
            "expires_in": submission.expires_in,
            "idempotency_key": submission.idempotency_key,
            "request_digest": digest,
            "created_at": self._now(),
            "progress": 0.0,
            "attempts": 0,
            "trace_context": tracing.headers() or None,
        }

        try:
            await self._database.run(
                lambda connection: connection.execute(sa.insert(jobs).values(values))
            )
        except sa.exc.IntegrityError:
            return False
        return True

    async def accept(self, job_id: str, recording_digest: str | None) -> Job | None:
        """Makes a job visible whose recording is kept; None where it was erased meanwhile.

        Args:
            job_id: the job.
            recording_digest: see `digest_of_recording`; None for one that is yet to be fetched.
        """

        def work(connection: sa.Connection) -> Job | None:
            where = jobs.c.id == job_id, jobs.c.phase == "receiving"
            values = {"phase": "live", "recording_digest": recording_digest}
            return change_job(connection, job_id, where, values, "status")

        return await self._database.run(work)

    async def withdraw(self, job_id: str) -> None:
        """Marks a job for erasure whose recording could not be kept."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == job_id, jobs.c.phase == "receiving")
                .values(_ERASING)
            )
        )

    async def mark_broken_off(self, before: float) -> None:
        """Marks the jobs for erasure whose submission began before an instant and has not ended."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs)
                .where(jobs.c.phase == "receiving", jobs.c.created_at < before)
                .values(_ERASING)
            )
        )

    async def mark_lost(self) -> None:
        """Marks the jobs for erasure that a process received which is no more."""
        known = sa.select(executors.c.id)
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(jobs)
                .where(jobs.c.phase == "receiving", jobs.c.receiver.not_in(known))
                .values(_ERASING)
            )
        )
