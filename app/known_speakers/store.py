"""The table of known speakers in the service's database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.contract.speakers import KnownSpeaker
from app.database import Database
from app.speakers import Embedding, KnownVoice

TABLE = "known_speakers"

_speakers = sa.table(
    TABLE,
    *map(sa.column, ("id", "owner", "name", "embedding", "seconds", "created_at")),
)
_TYPE = np.dtype("<f4")


class SpeakerStore:
    """Reads and writes known speakers; every method is one transaction.

    All raise as `Database.run`.

    Args:
        database: of the service.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, owner: str, speaker: KnownSpeaker, embedding: Embedding, limit: int
    ) -> bool:
        """Adds a speaker of an owner; returns False where the owner has `limit` of them already."""

        def work(connection: sa.Connection) -> bool:
            counted = sa.select(sa.func.count()).select_from(_speakers).where(_owned_by(owner))
            if connection.execute(counted).scalar_one() >= limit:
                return False
            connection.execute(
                sa.insert(_speakers).values(
                    id=speaker.id,
                    owner=owner,
                    name=speaker.name,
                    embedding=embedding.astype(_TYPE).tobytes(),
                    seconds=speaker.seconds,
                    created_at=speaker.created_at.timestamp(),
                )
            )
            return True

        return await self._database.run(work)

    async def of_owner(self, owner: str) -> Sequence[KnownSpeaker]:
        """Returns the speakers of an owner, the oldest first."""
        return [_speaker(row) for row in await self._rows(owner)]

    async def voices(self, owner: str) -> tuple[KnownVoice, ...]:
        """Returns the voices of an owner's speakers."""
        return tuple(
            KnownVoice(row.name, np.frombuffer(row.embedding, _TYPE).astype(np.float32))
            for row in await self._rows(owner)
        )

    async def delete(self, owner: str, speaker_id: str) -> bool:
        """Deletes a speaker; returns whether the owner had it."""
        query = sa.delete(_speakers).where(_owned_by(owner), _speakers.c.id == speaker_id)
        return await self._database.run(lambda connection: connection.execute(query).rowcount > 0)

    async def _rows(self, owner: str) -> Sequence[sa.Row[Any]]:
        query = (
            sa.select(_speakers)
            .where(_owned_by(owner))
            .order_by(_speakers.c.created_at, _speakers.c.id)
        )
        return await self._database.run(lambda connection: connection.execute(query).all())


def _owned_by(owner: str) -> sa.ColumnElement[bool]:
    return _speakers.c.owner == owner


def _speaker(row: sa.Row[Any]) -> KnownSpeaker:
    return KnownSpeaker(
        id=row.id,
        name=row.name,
        seconds=row.seconds,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
    )
