"""The jobs of the service: keeps them, queues them, works on them, answers for them, erases them.

The database is opened by the first use, or by the start where there is one already.
"""

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING

import structlog
from pydantic import JsonValue

from app import tracing
from app.audit import AuditLog
from app.clock import SteadyClock
from app.contract.jobs import ENDED, Job, JobEvent, JobPage, JobStatus
from app.database import Database, FolderLock
from app.errors import (
    ConfigurationError,
    InvalidRequestError,
    JobDamagedError,
    JobNotCompletedError,
    JobNotFoundError,
    JobsUnavailableError,
    NordlydError,
)
from app.fetching import Fetcher
from app.jobs.changes import Changes
from app.jobs.corrections import JobCorrections
from app.jobs.idempotency import digest_of, repeated_job
from app.jobs.ids import is_job_id, new_job_id
from app.jobs.integrity import recording_digest
from app.jobs.retention import RetentionPolicy
from app.jobs.storage import AUDIO, BlobStore, job_key
from app.jobs.types import JobResult, Owner, Submission
from app.jobs.uploads import UploadStore
from app.jobs.webhooks import JobWebhooks, WebhookSender
from app.pipeline import Service
from app.telemetry import Telemetry

# What needs SQLAlchemy is imported by the first use: a service without jobs has none of it.
if TYPE_CHECKING:
    from app.jobs.parts import Parts
    from app.jobs.rows import Record

_RETRY_SECONDS = 5.0

_log = structlog.get_logger("nordlyd.jobs")


class JobService:
    """Implements `Jobs`.

    Args:
        service: transcribes.
        database: has the records and the queue.
        lock: of the data folder; None where processes share the database.
        blobs: has recordings, emissions and results.
        fetcher: fetches recordings from URLs; None where the operator allows no hosts.
        policy: how long audio and jobs are kept.
        audit: has a line for each action on a job.
        sender: sends webhooks.
        telemetry: has the metrics of jobs and webhooks.
        clock: when they expire.

    Attributes:
        uploads: recordings that are yet to be handed in.
        webhooks: of jobs that have ended.
        corrections: of their transcripts.
    """

    def __init__(
        self,
        service: Service,
        database: Database,
        lock: FolderLock | None,
        blobs: BlobStore,
        fetcher: Fetcher | None,
        *,
        policy: RetentionPolicy,
        audit: AuditLog,
        sender: WebhookSender,
        telemetry: Telemetry,
        clock: SteadyClock | None = None,
    ) -> None:
        self._service = service
        self._database = database
        self._lock = lock
        self._blobs = blobs
        self._fetcher = fetcher
        self._policy = policy
        self._audit = audit
        self._telemetry = telemetry
        self._clock = clock or SteadyClock()
        self.uploads = UploadStore(blobs, self._open, self._clock.time)
        self._sender = sender
        self.webhooks = JobWebhooks(sender, self._find, self._open)
        self.corrections = JobCorrections(blobs, policy, audit, self._find, self._open)
        self._changes = Changes()
        self._parts: Parts | None = None
        self._opening = asyncio.Lock()
        self._starting: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Takes up the jobs of before, where there may be some."""
        if self._database.exists:
            self._starting = asyncio.create_task(self._take_up(), name="start-jobs")

    async def stop(self) -> None:
        """Stops the work on jobs, which the next start continues."""
        self._stopping = True
        self._changes.notify_all()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        if self._parts is not None:
            await self._parts.stop()
        if self._lock is not None:
            self._lock.release()

    async def submit(self, submission: Submission) -> tuple[Job, bool]:
        """See `Jobs`."""
        self._policy.check_expires_in(submission.expires_in)
        parts = await self._open()
        digest = None
        if submission.idempotency_key is not None:
            digest = await asyncio.to_thread(digest_of, submission)
            if known := await parts.records.of_key(submission.owner, submission.idempotency_key):
                return repeated_job(known, digest), False
        await self._check_room(submission)
        job_id = new_job_id()
        if not await parts.receiving.insert(job_id, submission, digest):
            # Another request with the same key came first.
            assert submission.idempotency_key is not None
            known = await parts.records.of_key(submission.owner, submission.idempotency_key)
            if known is None:
                raise JobsUnavailableError("The request with this key was withdrawn just now.")
            return repeated_job(known, digest), False
        try:
            kept = None
            if not isinstance(submission.source, str):
                with tracing.span("receive"), submission.source as source:
                    kept = await asyncio.to_thread(recording_digest, source)
                    await self._blobs.put(job_key(job_id, AUDIO), source)
            job = await parts.receiving.accept(job_id, kept)
        except BaseException:
            await asyncio.shield(self._withdraw(parts, job_id))
            raise
        if job is None:
            raise JobsUnavailableError("The job was erased while its recording was being kept.")
        # Where this fails, the sweeper queues it.
        with suppress(NordlydError):
            await parts.enqueue(job_id, submission.owner)
        await self._audit.record("submitted", job_id, submission.owner)
        _log.info("job queued", job=job_id)
        return job, True

    async def get(self, owner: Owner, job_id: str, *, wait: float = 0.0) -> Job:
        """See `Jobs`."""
        until = time.monotonic() + wait
        with self._changes.subscribe(job_id) as changes:
            while True:
                job = (await self._find(owner, job_id)).job
                left = until - time.monotonic()
                if job.status in ENDED or left <= 0 or self._stopping:
                    return job
                await changes.wait(left)

    async def list(
        self,
        owner: Owner,
        *,
        status: JobStatus | None = None,
        limit: int = 20,
        after: str | None = None,
        protocol: str | None = None,
    ) -> JobPage:
        """See `Jobs`."""
        if after is not None and not is_job_id(after):
            raise InvalidRequestError(
                f"after is {after!r}; accepted: the `next` of the page before.", param="after"
            )
        if self._is_unused:
            return JobPage(jobs=())
        parts = await self._open()
        found = await parts.records.page(
            owner, status=status, limit=limit + 1, after=after, protocol=protocol
        )
        page = tuple(found[:limit])
        return JobPage(jobs=page, next=page[-1].id if len(found) > limit else None)

    async def options(self, owner: Owner, job_id: str) -> Mapping[str, object]:
        """See `Jobs`."""
        return (await self._find(owner, job_id)).options

    async def protocol_options(self, owner: Owner, job_id: str) -> Mapping[str, JsonValue]:
        """See `Jobs`."""
        return (await self._find(owner, job_id)).protocol_options

    async def result(self, owner: Owner, job_id: str, *, fetching: bool = True) -> JobResult:
        """See `Jobs`."""
        record = await self._find(owner, job_id)
        status = record.job.status
        if status != "completed":
            state = f"has ended as {status}" if status in ENDED else f"is {status}"
            raise JobNotCompletedError(f"The job {state}; only a completed one has a result.")
        result = await self.corrections.load(owner, record)
        if result is None:
            raise JobDamagedError(
                "The result of this job is damaged or gone in the storage of the service; submit "
                "the recording again, as a new job."
            )
        if fetching:
            parts = await self._open()
            await parts.note_fetched(record)
        return result

    async def events(self, owner: Owner, job_id: str, *, after: int = 0) -> AsyncIterator[JobEvent]:
        """See `Jobs`."""
        with self._changes.subscribe(job_id) as changes:
            last = after
            job = (await self._find(owner, job_id)).job
            while True:
                for event in await (await self._open()).records.events(job, last):
                    last = event.id
                    yield event
                if job.status in ENDED or self._stopping:
                    return
                await changes.wait(math.inf)
                try:
                    job = (await self._find(owner, job_id)).job
                except JobNotFoundError:
                    if changes.farewell is not None:
                        yield changes.farewell
                    return

    async def delete(self, owner: Owner, job_id: str) -> None:
        """See `Jobs`."""
        if self._is_unused:
            raise _not_found(job_id)
        parts = await self._open()
        farewell = await parts.mark_erasing(owner, job_id)
        if farewell is None:
            raise _not_found(job_id)
        self._changes.notify(job_id, farewell)
        # From here on, whatever happens, the sweeper finishes it.
        await asyncio.shield(self._erase(parts, owner, job_id))
        _log.info("job erased", job=job_id)

    async def _check_room(self, submission: Submission) -> None:
        """Checks that a recording fits and leaves room for what has been accepted.

        Raises:
            InsufficientStorageError: it does not.
        """
        size = 0
        if not isinstance(submission.source, str):
            size = submission.source.seek(0, os.SEEK_END)
            submission.source.seek(0)
        await asyncio.to_thread(self._database.check_room)
        await self._blobs.check_room(size)

    async def _erase(self, parts: "Parts", owner: Owner, job_id: str) -> None:
        await parts.erase(job_id)
        await self._audit.record("deleted", job_id, owner)
        await parts.purge()

    @property
    def _is_unused(self) -> bool:
        """Whether there is no job yet, nor a database, which reading does not make."""
        return self._parts is None and not self._database.exists

    async def _find(self, owner: Owner, job_id: str) -> "Record":
        if self._is_unused or not is_job_id(job_id):
            raise _not_found(job_id)
        record = await (await self._open()).records.find(owner, job_id)
        if record is None:
            raise _not_found(job_id)
        return record

    async def _withdraw(self, parts: "Parts", job_id: str) -> None:
        """Erases a job whose recording could not be kept; where that fails, the sweeper does."""
        with suppress(NordlydError):
            await parts.receiving.withdraw(job_id)
            await parts.erase(job_id)

    async def _open(self) -> "Parts":
        """Returns the parts that work with the database, which is opened where it is not.

        Raises:
            JobsUnavailableError: the database cannot be reached, or another process has it.
        """
        if self._parts is not None:
            return self._parts
        if self._stopping:
            raise JobsUnavailableError("The service is stopping.")
        async with self._opening:
            if self._parts is None:
                try:
                    # What runs in the background belongs to no request, the first one included.
                    self._parts = await asyncio.create_task(self._start_parts(), context=Context())
                except ConfigurationError as error:
                    raise JobsUnavailableError(error.message) from error
            return self._parts

    async def _start_parts(self) -> "Parts":
        from app.jobs.parts import Parts  # noqa: PLC0415

        if self._lock is not None:
            self._lock.acquire()
        await asyncio.to_thread(self._database.open)
        parts = Parts(
            self._service,
            self._database,
            self._blobs,
            self._fetcher,
            self._changes.notify,
            uploads=self.uploads,
            policy=self._policy,
            audit=self._audit,
            sender=self._sender,
            clock=self._clock,
            telemetry=self._telemetry,
        )
        await parts.start()
        return parts

    async def _take_up(self) -> None:
        """Opens the database; tries again while that fails."""
        while True:
            try:
                await self._open()
            except NordlydError as error:
                _log.warning("the jobs of before are not taken up yet", reason=error.message)
            except Exception:
                _log.exception("the jobs of before are not taken up yet")
            else:
                return
            await asyncio.sleep(_RETRY_SECONDS)


def _not_found(job_id: str) -> JobNotFoundError:
    return JobNotFoundError(f"There is no job {job_id[:100]!r}.", param="id")
