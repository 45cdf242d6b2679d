"""The records of corrected transcripts in the database; every function is one transaction."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.contract.jobs import Job
from app.errors import CorrectionNotKeptError, ResultChangedError
from app.jobs.job_table import JobTable
from app.jobs.retention import End
from app.jobs.rows import Record, job_of, record_of
from app.jobs.schema import jobs
from app.jobs.types import Owner, result_version

# Times of two corrections of one job differ, since they name the versions of its result.
_LATER_SECONDS = 0.001

_TRAINING = (
    jobs.c.phase == "live",
    jobs.c.status == "completed",
    jobs.c.training,
    jobs.c.correction.is_not(None),
)


class Corrected(NamedTuple):
    """A job after a correction, and as it was before."""

    job: Job
    before: Record


class CorrectionRecords(JobTable):
    """Reads and writes what the database has of corrections."""

    async def correct(
        self,
        owner: Owner,
        job_id: str,
        correction: str,
        *,
        training: bool | None,
        versions: Collection[str] | None,
    ) -> Corrected | None:
        """Notes a correction whose transcript is kept.

        Args:
            owner: whose job it is.
            job_id: the job.
            correction: names its blob.
            training: whether it may be kept for training; None leaves what was agreed to.
            versions: of the result to be replaced; None replaces any.

        Returns:
            None where the owner has no such job, or it is not completed.

        Raises:
            ResultChangedError: the result has another version.
            CorrectionNotKeptError: its recording was erased, and `training` is requested.
        """

        def work(connection: sa.Connection) -> Corrected | None:
            where = (
                jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.phase == "live",
                jobs.c.status == "completed",
            )  # fmt: skip
            row = connection.execute(sa.select(jobs).where(*where).with_for_update()).first()
            if row is None:
                return None
            before = record_of(row._mapping)
            if versions is not None and result_version(before.job) not in versions:
                raise ResultChangedError(
                    "The result of this job was corrected meanwhile; read it again, and send the "
                    "correction of what it is now.",
                    param="If-Match",
                )
            if training and before.audio_erased:
                raise recording_gone()
            agreed = before.job.training if training is None else training
            end = End("completed", row.completed_at, row.fetched_at, row.expires_in)
            values: dict[str, Any] = {
                "correction": correction,
                "corrected_at": max(self._now(), (row.corrected_at or 0.0) + _LATER_SECONDS),
                "training": agreed,
                "expires_at": self._policy.job_expires_at(end, training=agreed),
            }
            connection.execute(sa.update(jobs).where(*where).values(values))
            changed = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one()
            return Corrected(job_of(changed._mapping), before)

        return await self._database.run(work)

    async def for_training(self) -> Sequence[Record]:
        """Returns the jobs of all owners whose correction may be used for training, in order."""
        return await self._records(*_TRAINING)


def recording_gone() -> CorrectionNotKeptError:
    """Returns the error of a correction for training whose recording is not kept any more."""
    return CorrectionNotKeptError(
        "The recording of this job is erased already (NORDLYD_KEEP_AUDIO), so that its correction "
        "is of no use for training; accepted: training=false, or a job whose recording is kept.",
        param="training",
    )
