"""The table of webhook deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "webhook_deliveries",
        sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("next_attempt_at", sa.Double),
        sa.Column("claimed_until", sa.Double),
        sa.Column("delivered_at", sa.Double),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", sa.Text),
    )
    op.create_index("deliveries_of_job", "webhook_deliveries", ["job_id"], unique=True)
    op.create_index("deliveries_due", "webhook_deliveries", ["state", "next_attempt_at"])
