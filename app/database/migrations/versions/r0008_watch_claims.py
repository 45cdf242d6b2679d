"""The table of the recordings in the watched folder that a process works on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "watch_claims",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("claimant", sa.Text, nullable=False),
        sa.Column("claimed_until", sa.Double, nullable=False),
    )
