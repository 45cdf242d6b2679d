"""The tables of jobs and of their events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("enqueued", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("protocol_options", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON),
        sa.Column("url", sa.Text),
        sa.Column("content_type", sa.Text),
        sa.Column("webhook_url", sa.Text),
        sa.Column("expires_in", sa.Double),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("request_digest", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("completed_at", sa.Double),
        sa.Column("expires_at", sa.Double),
        sa.Column("fetched_at", sa.Double),
        sa.Column("audio_erased_at", sa.Double),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("seconds_left", sa.Double),
        sa.Column("duration", sa.Double),
        sa.Column("error", sa.JSON),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.UniqueConstraint("owner", "idempotency_key"),
    )
    op.create_index("jobs_of_owner", "jobs", ["owner", "id"])
    op.create_index("jobs_by_phase", "jobs", ["phase", "status"])
    op.create_index("jobs_by_expiry", "jobs", ["expires_at"])
    op.create_table(
        "job_events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.Identity(),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_job", "job_events", ["job_id", "id"])
    op.create_table(
        "executors",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
