"""Which trace a job belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("jobs", sa.Column("trace_context", sa.JSON))
