"""The table of known speakers: their names and the embeddings of their voices."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "known_speakers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        # float32, little-endian.
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_index("known_speakers_of_owner", "known_speakers", ["owner", "created_at"])
