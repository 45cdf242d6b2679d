"""The digest of a job's recording."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Adds the column; jobs of before have none."""
    op.add_column("jobs", sa.Column("recording_digest", sa.Text))
