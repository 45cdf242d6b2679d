"""The parts of the jobs that need the database: records, queue, runner and sweeper."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog

from app.audit import AuditLog
from app.clock import SteadyClock
from app.contract.jobs import JobEvent
from app.database import Database
from app.errors import InsufficientStorageError, NordlydError
from app.fetching import Fetcher
from app.jobs.attempts import JobAttempts
from app.jobs.correction_records import CorrectionRecords
from app.jobs.durable import DurableQueue
from app.jobs.executors import Executors
from app.jobs.expiry import Expiry
from app.jobs.metrics import JobMetrics
from app.jobs.receiving import Receiving
from app.jobs.records import Records
from app.jobs.retention import RetentionPolicy
from app.jobs.rows import Record
from app.jobs.runner import JobRunner
from app.jobs.schema import job_events, jobs, webhook_deliveries
from app.jobs.storage import AUDIO, BlobStore, job_key, job_prefix
from app.jobs.types import Owner
from app.jobs.uploads import UploadStore
from app.jobs.webhooks import WebhookSender
from app.jobs.webhooks.deliveries import Deliveries
from app.jobs.work_records import WorkRecords
from app.known_speakers.store import SpeakerStore
from app.pipeline import Service
from app.telemetry import Telemetry

_SWEEP_SECONDS = 5.0
_FOLLOW_SECONDS = 5.0
_LOST_SECONDS = 30.0
_LEAVE_SECONDS = 2.0
# Of a process that is alone, what the one before has begun is its own.
_ALONE = "alone"
# A submission that is still being received may belong to another process.
_BROKEN_OFF_SECONDS = 24 * 3600.0
_NOT_ENQUEUED_SECONDS = 30.0

# Those that have something of a job.
_TABLES = (jobs.name, job_events.name, webhook_deliveries.name)

_log = structlog.get_logger("nordlyd.jobs")


class Parts:
    """The parts of the jobs, joined.

    Args:
        service: transcribes.
        database: is open.
        blobs: has recordings, emissions and results.
        fetcher: fetches recordings from URLs; None where the operator allows no hosts.
        on_change: called with the id of a job once its record has changed.
        uploads: recordings that are yet to be handed in.
        policy: how long audio and jobs are kept.
        audit: has a line for what expires, and for what becomes of webhooks.
        sender: sends webhooks.
        clock: when they expire.
        telemetry: has the metrics of jobs and webhooks.

    Attributes:
        records: of the jobs.
        receiving: records of those whose recording is being received.
        corrections: records of corrected transcripts.
        deliveries: of webhooks.
    """

    def __init__(
        self,
        service: Service,
        database: Database,
        blobs: BlobStore,
        fetcher: Fetcher | None,
        on_change: Callable[[str], None],
        *,
        uploads: UploadStore,
        policy: RetentionPolicy,
        audit: AuditLog,
        sender: WebhookSender,
        clock: SteadyClock,
        telemetry: Telemetry,
    ) -> None:
        self.records = Records(database, policy, clock.time)
        self.corrections = CorrectionRecords(database, policy, clock.time)
        self._blobs = blobs
        self._uploads = uploads
        self._database = database
        self._expiry = Expiry(database, policy)
        self._audit = audit
        self._clock = clock
        # Jobs that were erased, and how many of them the files of the database are rid of. What a
        # process before this one has erased is yet to be removed.
        self._erased = 1
        self._purged = 0
        self._metrics = JobMetrics(telemetry, database, clock.time)
        self.deliveries = Deliveries(
            database, sender, self, audit, metrics=self._metrics, clock=clock
        )
        self._on_change = on_change

        def work(job_id: str, executor: str) -> Awaitable[None]:
            records = WorkRecords(
                database, policy, clock.time, executor if database.is_shared else None
            )
            return JobAttempts(
                service,
                records,
                blobs,
                fetcher,
                on_change=self._note_change,
                on_end=self._metrics.note_end,
                voices=SpeakerStore(database).voices,
            ).run(job_id)

        self._runner = JobRunner(work)
        self._queue = DurableQueue(database, self._runner.run)
        self._executors = (
            Executors(database, lost_after=_LOST_SECONDS) if database.is_shared else None
        )
        self._executor = _ALONE
        self.receiving = Receiving(database, clock.time, lambda: self._executor)
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def start(self) -> None:
        """Finishes what a crash has left, and takes jobs from the queue from now on.

        Raises:
            JobsUnavailableError: the database cannot be reached.
        """
        await self._expiry.apply_stricter_rules()
        if self._executors is None:
            # Of a process that is alone, every submission of before has broken off.
            await self.receiving.mark_broken_off(math.inf)
        else:
            self._executor = await self._executors.register()
        await self._queue.start(self._executor)
        await self.deliveries.start()
        self._tasks = (asyncio.create_task(self._sweep_again_and_again(), name="sweep-jobs"),)
        if self._executors is not None:
            # Not in a sweep, which may take longer than a process may be silent.
            following = self._follow_again_and_again(self._executors)
            self._tasks += (asyncio.create_task(following, name="follow-processes"),)

    async def stop(self) -> None:
        """Stops the work on jobs, which another start continues."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.deliveries.stop()
        await self._queue.stop()
        await self._runner.stop()
        if self._executors is not None:
            try:
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self._executors.leave(self._executor)
            except (NordlydError, TimeoutError):
                _log.warning("others take over the jobs of this process later")

    async def enqueue(self, job_id: str, owner: str) -> None:
        """Queues a job; one that is queued already stays as it is.

        Raises:
            JobsUnavailableError: the database cannot be reached.
        """
        await self._queue.add(job_id, owner)
        await self.records.enqueued(job_id)

    async def note_fetched(self, record: Record) -> None:
        """Notes that the owner of a completed job has its result."""
        job = record.job
        if record.fetched_at is None:
            try:
                await self.records.note_fetched(record)
            except InsufficientStorageError:
                # A full disk keeps no one from a result.
                _log.warning("not noted as fetched, the disk is full", job=job.id)
        await self._audit.record("fetched", job.id, record.owner)

    async def mark_erasing(self, owner: Owner, job_id: str) -> JobEvent | None:
        """Hides a job of an owner for good; see `Records.mark_erasing`.

        Raises:
            InsufficientStorageError: the disk of the database is full, even without the job's
                content.
        """
        try:
            last = await self.records.mark_erasing(owner, job_id)
        except InsufficientStorageError:
            if await self.records.find(owner, job_id) is None:
                return None
            # On a full disk, the mark has no room before something is deleted.
            await self._blobs.delete_prefix(job_prefix(job_id))
            last = await self.records.mark_erasing(owner, job_id)
        if last is not None and last.job.status == "cancelled":
            self._metrics.note_end(last.job)
        return last

    async def erase(self, job_id: str) -> None:
        """Erases a job that is marked for it: its work, its blobs, its rows, in this order.

        A crash in between leaves the mark, by which the sweeper begins again.

        Raises:
            JobsUnavailableError: the database or the storage cannot be reached.
        """
        await self._queue.remove(job_id)
        await self._runner.cancel(job_id)
        await self._blobs.delete_prefix(job_prefix(job_id))
        await self.records.delete(job_id)
        self._erased += 1

    async def purge(self) -> None:
        """Removes what was erased from the files of the database; later, where that fails now."""
        erased = self._erased
        if self._purged < erased and await self._database.purge(_TABLES):
            self._purged = max(self._purged, erased)

    def _note_change(self, job_id: str) -> None:
        self._on_change(job_id)
        self.deliveries.wake()

    async def _sweep_again_and_again(self) -> None:
        # What is not queued at the start never will be; later, it may be about to be.
        before = math.inf
        while True:
            await self._attempt(self._erase_what_is_due)
            await self._attempt(partial(self._enqueue_what_is_not, before))
            await self._attempt(self._uploads.sweep)
            await self._attempt(self._metrics.refresh)
            await asyncio.sleep(_SWEEP_SECONDS)
            before = self._clock.time() - _NOT_ENQUEUED_SECONDS

    async def _follow_again_and_again(self, executors: Executors) -> None:
        while True:
            await self._attempt(partial(self._stay_registered, executors))
            await self._attempt(partial(self._take_over, executors))
            await self._attempt(self._stop_what_ended)
            await asyncio.sleep(_FOLLOW_SECONDS)

    async def _attempt(self, step: Callable[[], Awaitable[None]]) -> None:
        """Runs a step of a loop; where it fails, the next round repeats it."""
        try:
            await step()
        except NordlydError as error:
            _log.warning("sweeping jobs failed", reason=error.message)
        except Exception:
            _log.exception("sweeping jobs failed")

    async def _erase_what_is_due(self) -> None:
        await self.receiving.mark_broken_off(self._clock.time() - _BROKEN_OFF_SECONDS)
        await self._expire()
        for job_id in await self.records.to_erase():
            await self.erase(job_id)
        await self.purge()

    async def _enqueue_what_is_not(self, before: float) -> None:
        for job_id, owner in await self.records.not_enqueued(before):
            await self.enqueue(job_id, owner)

    async def _expire(self) -> None:
        now = self._clock.time()
        for job_id, owner in await self._expiry.jobs(now):
            last = await self.mark_erasing(owner, job_id)
            if last is not None:
                await self._audit.record("expired", job_id, owner)
        for job_id, owner in await self._expiry.recordings(now):
            await self._blobs.delete(job_key(job_id, AUDIO))
            await self._expiry.note_recording_erased(job_id, now)
            await self._audit.record("audio_expired", job_id, owner)

    async def _stay_registered(self, executors: Executors) -> None:
        """Renews the registration; where others took this process for lost, begins anew."""
        if await executors.renew(self._executor) and self._queue.started:
            return
        _log.warning("this process was taken for lost, and registers again")
        running = self._runner.running
        await self._queue.stop()
        await self._runner.stop()
        await self._erase_what_is_gone(running)
        self._executor = await executors.register()
        await self._queue.start(self._executor)

    async def _take_over(self, executors: Executors) -> None:
        if lost := await executors.lost():
            _log.warning("taking over the jobs of processes that were lost", executors=lost)
            await self._queue.take_over(lost)
        await self.receiving.mark_lost()

    async def _stop_what_ended(self) -> None:
        """Stops the work on jobs that another process has ended or erased."""
        running = self._runner.running
        if not running:
            return
        ended = set(running) - await self.records.unfinished(running)
        for job_id in ended:
            await self._runner.cancel(job_id)
        await self._erase_what_is_gone(ended)

    async def _erase_what_is_gone(self, job_ids: Iterable[str]) -> None:
        """Erases what was kept of jobs after another process had erased them."""
        for job_id in job_ids:
            if await self.records.live(job_id) is None:
                await self._blobs.delete_prefix(job_prefix(job_id))
