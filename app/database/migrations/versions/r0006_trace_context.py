"""Which trace a job belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Adds the column; jobs of before belong to none."""
    op.add_column("jobs", sa.Column("trace_context", sa.JSON))
