"""The columns of jobs whose transcript was corrected."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("jobs", sa.Column("correction", sa.Text))
    op.add_column("jobs", sa.Column("corrected_at", sa.Double))
    op.add_column(
        "jobs", sa.Column("training", sa.Boolean, nullable=False, server_default=sa.false())
    )
