"""Attempts the deliveries that are due, several at once, of one target only a few."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Protocol

import structlog

from app.audit import AuditLog
from app.clock import SteadyClock
from app.contract.webhooks import WebhookDelivery
from app.database import Database
from app.errors import NordlydError
from app.jobs.metrics import JobMetrics
from app.jobs.records import Records
from app.jobs.rows import Record
from app.jobs.spans import webhook_span
from app.jobs.webhooks.outbox import Claim, Outbox
from app.jobs.webhooks.outcome import outcome_by_a_wrong_clock
from app.jobs.webhooks.sender import WebhookSender

CONCURRENCY = 32
PER_TARGET = 4
"""A target that hangs holds up no more attempts than these."""

_LOOK_SECONDS = 2.0

_log = structlog.get_logger("nordlyd.jobs")


class JobAccess(Protocol):
    """What deliveries need of the jobs."""

    @property
    def records(self) -> Records:
        """The records of jobs."""

    async def note_fetched(self, record: Record) -> None:
        """Notes that the owner of a completed job has its result."""


class Deliveries:
    """Delivers webhooks until it is stopped; another start continues.

    Args:
        database: is open, and has the deliveries.
        sender: makes one attempt.
        jobs: that have webhooks.
        audit: has a line for each delivery that has ended.
        metrics: counts the attempts.
        clock: when they are due.
    """

    def __init__(
        self,
        database: Database,
        sender: WebhookSender,
        jobs: JobAccess,
        audit: AuditLog,
        *,
        metrics: JobMetrics,
        clock: SteadyClock,
    ) -> None:
        self._is_alone = not database.is_shared
        self._outbox = Outbox(database, clock.time)
        self._clock = clock
        self._sender = sender
        self._jobs = jobs
        self._audit = audit
        self._metrics = metrics
        self._due = asyncio.Event()
        self._targets: Counter[str] = Counter()
        self._attempts: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Attempts deliveries from now on.

        Raises:
            JobsUnavailableError: the database cannot be reached.
        """
        if self._is_alone:
            await self._outbox.release_claims()
        self._loop = asyncio.create_task(self._deliver(), name="deliver-webhooks")

    async def stop(self) -> None:
        """Stops; attempts that run are made again after the next start."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait({self._loop})
        for attempt in self._attempts:
            attempt.cancel()
        if self._attempts:
            await asyncio.wait(set(self._attempts))

    def wake(self) -> None:
        """Looks for deliveries that are due, since there may be a new one."""
        self._due.set()

    async def of_job(self, job_id: str) -> tuple[WebhookDelivery, ...]:
        """Returns the deliveries of a job."""
        return await self._outbox.of_job(job_id)

    async def repeat(self, record: Record) -> None:
        """Delivers the webhook of a job that has ended again."""
        await self._outbox.repeat(record.job.id)
        await self._audit.record("webhook_repeated", record.job.id, record.owner)
        self.wake()

    async def _deliver(self) -> None:
        while True:
            self._due.clear()
            try:
                await self._begin_due()
            except NordlydError as error:
                _log.warning("webhooks wait", reason=error.message)
            except Exception:
                _log.exception("webhooks wait")
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._due.wait()

    async def _begin_due(self) -> None:
        """Begins an attempt of each delivery that is due, as far as there is room."""
        while len(self._attempts) < CONCURRENCY:
            busy = [target for target, number in self._targets.items() if number >= PER_TARGET]
            claim = await self._outbox.claim(busy)
            if claim is None:
                return
            self._targets[claim.target] += 1
            task = asyncio.create_task(self._attempt(claim), name=f"deliver-{claim.id}")
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)

    async def _attempt(self, claim: Claim) -> None:
        try:
            record = await self._jobs.records.live(claim.job_id)
            if record is not None:
                await self._send(claim, record)
        except NordlydError as error:
            # Once the claim has ended, it is attempted again.
            _log.warning("a webhook is interrupted", job=claim.job_id, reason=error.message)
        except Exception:
            _log.exception("a webhook is interrupted", job=claim.job_id)
        finally:
            self._targets[claim.target] -= 1
            if not self._targets[claim.target]:
                del self._targets[claim.target]
            self.wake()

    async def _send(self, claim: Claim, record: Record) -> None:
        job = record.job
        attempts = claim.attempts + 1
        with webhook_span(record, attempts) as span:
            outcome, message = await self._sender.send(record, claim.id, attempts)
            if self._clock.has_jumped:
                outcome = outcome_by_a_wrong_clock(outcome, attempts)
            span.set("nordlyd.webhook.state", outcome.state)
        await self._outbox.record(claim, outcome)
        self._metrics.note_webhook_attempt(outcome.state)
        _log.info("webhook sent", job=job.id, state=outcome.state, status=outcome.status,
                  attempts=attempts)  # fmt: skip
        if outcome.state == "delivered":
            if message is not None and message.has_result:
                await self._jobs.note_fetched(record)
            await self._audit.record("webhook_delivered", job.id, record.owner)
        elif outcome.state == "failed":
            await self._audit.record("webhook_failed", job.id, record.owner)
