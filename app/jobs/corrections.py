"""The corrected transcripts of an owner's jobs: kept in place of what was recognised."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from app.audit import AuditLog
from app.contract.answers import Transcript
from app.contract.jobs import Job
from app.errors import (
    CorrectionNotKeptError,
    InvalidRequestError,
    JobDamagedError,
    JobNotCompletedError,
    JobNotFoundError,
)
from app.jobs.retention import RetentionPolicy
from app.jobs.storage import AUDIO, BlobStore, job_key, job_prefix
from app.jobs.types import JobResult, Owner
from app.jobs.work import delete_correction, load_result, save_correction

if TYPE_CHECKING:
    from app.jobs.parts import Parts
    from app.jobs.rows import Record

_NAME_BYTES = 8


class JobCorrections:
    """Implements `Corrections`.

    Args:
        blobs: have the transcripts.
        policy: whether and for how long corrections are kept for training.
        audit: has a line for each correction.
        find: returns a job of an owner, or raises that there is none.
        open_parts: returns what works with the database, which is opened where it is not.
    """

    def __init__(
        self,
        blobs: BlobStore,
        policy: RetentionPolicy,
        audit: AuditLog,
        find: "Callable[[Owner, str], Awaitable[Record]]",
        open_parts: "Callable[[], Awaitable[Parts]]",
    ) -> None:
        self._blobs = blobs
        self._policy = policy
        self._audit = audit
        self._find = find
        self._open_parts = open_parts

    @property
    def kept_for_training(self) -> bool:
        """See `Corrections`."""
        return self._policy.corrections is not None

    async def put(
        self,
        owner: Owner,
        job_id: str,
        read: Callable[[Transcript], Transcript],
        *,
        training: bool | None = None,
        versions: Collection[str] | None = None,
    ) -> Job:
        """See `Corrections`."""
        if training and not self.kept_for_training:
            raise CorrectionNotKeptError(
                "This service keeps no corrections for training (NORDLYD_KEEP_CORRECTIONS); "
                "accepted: training=false.",
                param="training",
            )
        original = await self._recognised(owner, job_id)
        if training:
            await self._check_training(job_id, original)
        corrected = await asyncio.to_thread(read, original)
        # A transaction that has begun is committed, whether or not this is cancelled.
        return await asyncio.shield(
            self._replace(owner, job_id, corrected, training=training, versions=versions)
        )

    async def load(self, owner: Owner, record: "Record") -> JobResult | None:
        """Returns the result of a completed job, corrected where it was; None where none is kept.

        Raises:
            JobNotFoundError: the job was erased meanwhile.
        """
        job = record.job
        while True:
            result = await load_result(self._blobs, job.id, job.kind, record.correction)
            if result is not None:
                return result
            again = await self._find(owner, job.id)
            if again.correction == record.correction:
                return None
            # It was corrected once more between the record and its blob.
            record = again

    async def _replace(
        self,
        owner: Owner,
        job_id: str,
        corrected: Transcript,
        *,
        training: bool | None,
        versions: Collection[str] | None,
    ) -> Job:
        name = secrets.token_hex(_NAME_BYTES)
        records = (await self._open_parts()).corrections
        await save_correction(self._blobs, job_id, name, corrected)
        try:
            done = await records.correct(owner, job_id, name, training=training, versions=versions)
        except InvalidRequestError:
            await delete_correction(self._blobs, job_id, name)
            raise
        if done is None:
            # It was erased meanwhile, and nothing of it may be left.
            await self._blobs.delete_prefix(job_prefix(job_id))
            raise JobNotFoundError(f"There is no job {job_id!r} any more.", param="id")
        if done.before.correction is not None:
            await delete_correction(self._blobs, job_id, done.before.correction)
        await self._audit.record("corrected", job_id, owner)
        if done.job.training != done.before.job.training:
            await self._audit.record(
                "training_allowed" if done.job.training else "training_withdrawn", job_id, owner
            )
        return done.job

    async def _recognised(self, owner: Owner, job_id: str) -> Transcript:
        """Returns the result of a transcription as it was before every correction."""
        job = (await self._find(owner, job_id)).job
        if job.kind != "transcribe":
            raise InvalidRequestError(
                "The job is an alignment, of a text that is known; accepted: the id of a "
                "transcription.",
                param="id",
            )
        if job.status != "completed":
            raise JobNotCompletedError(
                f"The job is {job.status}; accepted: the id of one that is completed.", param="id"
            )
        result = await load_result(self._blobs, job_id, job.kind)
        if not isinstance(result, Transcript):
            raise JobDamagedError(
                "The result of this job is damaged or gone in the storage of the service; submit "
                "the recording again, as a new job."
            )
        return result

    async def _check_training(self, job_id: str, original: Transcript) -> None:
        """Refuses a correction that nothing could be learned from, or that may not be kept.

        Raises:
            CorrectionNotKeptError: the transcript is masked or has several channels, or the
                recording is gone.
        """
        if original.redactions is not None:
            raise CorrectionNotKeptError(
                "This transcript is masked (redact), and its recording is not; accepted: "
                "training=false, or a job without redact.",
                param="training",
            )
        if original.channels is not None:
            raise CorrectionNotKeptError(
                "This recording was transcribed channel by channel (channels=separate); accepted: "
                "training=false, or a job of one channel.",
                param="training",
            )
        if not await self._blobs.exists(job_key(job_id, AUDIO)):
            from app.jobs.correction_records import recording_gone  # noqa: PLC0415

            raise recording_gone()
