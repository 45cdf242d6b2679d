"""What became of the recordings of the watched folder, in the database.

Processes that share a database may watch one folder: each recording is handed in, and its results
are written, by the process that has claimed it. A claim is renewed while it is held, and ends by
itself once its process has ended.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.database import Database
from app.errors import NordlydError
from app.jobs.executors import database_time
from app.jobs.schema import watch_claims, watched_files

CLAIM_SECONDS = 30.0
"""A recording of a process that was lost is taken up by another one after so long."""
_RENEW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A recording that was handed in.

    Attributes:
        id: digest of its path.
        size: in bytes.
        changed: when it was changed last, in nanoseconds since 1970.
        digest: of its content.
        job_id: of its job; None once its results or its failure are written.
    """

    id: str
    size: int
    changed: int
    digest: str
    job_id: str | None


class WatchRecords:
    """Reads and writes them.

    Args:
        database: that has them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claimant = uuid.uuid4().hex

    async def all(self) -> Mapping[str, Watched]:
        """Returns every recording that was handed in, by its id."""
        query = sa.select(watched_files)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return {row.id: Watched(**row._mapping) for row in rows}

    async def find(self, watched_id: str) -> Watched | None:
        """Returns what was noted of a recording; None where nothing was."""
        query = sa.select(watched_files).where(watched_files.c.id == watched_id)
        row = await self._database.run(lambda connection: connection.execute(query).first())
        return None if row is None else Watched(**row._mapping)

    @asynccontextmanager
    async def claim(self, watched_id: str) -> AsyncIterator[bool]:
        """Keeps other processes from a recording until the end of the context.

        Yields:
            Whether it was claimed: False where another process has it.
        """
        if not self._database.is_shared:
            # The lock of the data folder keeps other processes out.
            yield True
            return
        if not await self._claim(watched_id):
            yield False
            return
        renewing = asyncio.create_task(self._renew_again_and_again(watched_id))
        try:
            yield True
        finally:
            renewing.cancel()
            # Where the database is gone, the claim ends by itself.
            with suppress(NordlydError):
                await self._release(watched_id)

    async def put(self, watched: Watched) -> None:
        """Notes a recording in place of what was noted before, unless its claim was lost."""

        def work(connection: sa.Connection) -> None:
            if self._database.is_shared:
                query = sa.select(watch_claims.c.id).where(*self._ours(watched.id))
                if connection.execute(query.with_for_update()).first() is None:
                    return
            connection.execute(sa.delete(watched_files).where(watched_files.c.id == watched.id))
            connection.execute(sa.insert(watched_files).values(asdict(watched)))

        await self._database.run(work)

    async def _claim(self, watched_id: str) -> bool:
        def work(connection: sa.Connection) -> bool:
            now = database_time(connection)
            connection.execute(sa.delete(watch_claims).where(watch_claims.c.claimed_until < now))
            claimed = connection.execute(
                postgresql.insert(watch_claims)
                .values(id=watched_id, claimant=self._claimant, claimed_until=now + CLAIM_SECONDS)
                .on_conflict_do_nothing()
                .returning(watch_claims.c.id)
            )
            return claimed.first() is not None

        return await self._database.run(work)

    async def _renew_again_and_again(self, watched_id: str) -> None:
        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.update(watch_claims)
                .where(*self._ours(watched_id))
                .values(claimed_until=database_time(connection) + CLAIM_SECONDS)
            )

        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(NordlydError):
                await self._database.run(work)

    async def _release(self, watched_id: str) -> None:
        await self._database.run(
            lambda connection: connection.execute(
                sa.delete(watch_claims).where(*self._ours(watched_id))
            )
        )

    def _ours(self, watched_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return watch_claims.c.id == watched_id, watch_claims.c.claimant == self._claimant
