"""The deliveries of webhooks in the database.

A delivery is added in the transaction that ends its job, so that neither is without the other.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.contract.webhooks import WebhookDelivery
from app.database import Database
from app.jobs.schema import jobs, webhook_deliveries
from app.jobs.webhooks.outcome import Outcome

CLAIM_SECONDS = 60.0
"""After so long, an attempt of a process that was lost is made again by another."""

_INSTANTS = ("created_at", "next_attempt_at", "delivered_at")


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process attempts.

    Attributes:
        id: of the delivery.
        job_id: whose webhook it is.
        target: scheme, host and port of the URL.
        attempts: how often it was attempted before.
    """

    id: str
    job_id: str
    target: str
    attempts: int


def add_delivery(connection: sa.Connection, job_id: str, url: str, now: float) -> None:
    """Adds the delivery of a job that ends in this transaction."""
    parts = urlsplit(url)
    connection.execute(
        sa.insert(webhook_deliveries).values(
            job_id=job_id,
            id=f"msg_{secrets.token_hex(16)}",
            target=f"{parts.scheme}://{parts.netloc}".lower(),
            state="pending",
            attempts=0,
            created_at=now,
            next_attempt_at=now,
        )
    )


class Outbox:
    """Reads and writes the deliveries.

    Args:
        database: that has them.
        now: the time in seconds since 1970; any thread may call it.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def release_claims(self) -> None:
        """Makes every delivery due that was being attempted when this process ended last."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(webhook_deliveries)
                .where(webhook_deliveries.c.claimed_until.is_not(None))
                .values(claimed_until=None)
            )
        )

    async def claim(self, busy: Collection[str]) -> Claim | None:
        """Returns the delivery that is due longest, and keeps other processes from it.

        Args:
            busy: targets that get no further one now.

        Returns:
            None where nothing is due.
        """

        def work(connection: sa.Connection) -> Claim | None:
            now = self._now()
            row = webhook_deliveries.c
            query = (
                sa.select(row.id, row.job_id, row.target, row.attempts)
                .join(jobs, jobs.c.id == row.job_id)
                .where(
                    row.state == "pending",
                    row.next_attempt_at <= now,
                    sa.or_(row.claimed_until.is_(None), row.claimed_until <= now),
                    row.target.not_in(busy),
                    jobs.c.phase == "live",
                )
                .order_by(row.next_attempt_at)
                .limit(1)
                .with_for_update(skip_locked=True, of=webhook_deliveries)
            )
            found = connection.execute(query).first()
            if found is None:
                return None
            connection.execute(
                sa.update(webhook_deliveries)
                .where(row.id == found.id)
                .values(claimed_until=now + CLAIM_SECONDS)
            )
            return Claim(*found)

        return await self._database.run(work)

    async def record(self, claim: Claim, outcome: Outcome) -> None:
        """Notes how an attempt went."""
        now = self._now()
        values: dict[str, Any] = {
            "attempts": claim.attempts + 1,
            "claimed_until": None,
            "state": outcome.state,
            "last_status": outcome.status,
            "last_error": outcome.error,
            "next_attempt_at": None if outcome.wait is None else now + outcome.wait,
            "delivered_at": now if outcome.state == "delivered" else None,
        }
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(webhook_deliveries)
                .where(webhook_deliveries.c.id == claim.id)
                .values(values)
            )
        )

    async def of_job(self, job_id: str) -> tuple[WebhookDelivery, ...]:
        """Returns the deliveries of a job."""
        query = (
            sa.select(webhook_deliveries, jobs.c.webhook_url.label("url"))
            .join(jobs, jobs.c.id == webhook_deliveries.c.job_id)
            .where(webhook_deliveries.c.job_id == job_id)
        )
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return tuple(_delivery(row._mapping) for row in rows)

    async def repeat(self, job_id: str) -> None:
        """Makes the delivery of a job due now, as if it had never been attempted."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(webhook_deliveries)
                .where(webhook_deliveries.c.job_id == job_id)
                .values(state="pending", attempts=0, next_attempt_at=self._now())
            )
        )


def _delivery(row: sa.RowMapping) -> WebhookDelivery:
    fields = {name: row[name] for name in WebhookDelivery.model_fields}
    for name in _INSTANTS:
        if fields[name] is not None:
            fields[name] = datetime.fromtimestamp(fields[name], UTC)
    return WebhookDelivery(**fields)
