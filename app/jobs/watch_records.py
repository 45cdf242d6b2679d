"""What became of the recordings of the watched folder, in the database."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from app.database import Database
from app.jobs.schema import watched_files


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

    async def all(self) -> Mapping[str, Watched]:
        """Returns every recording that was handed in, by its id."""
        query = sa.select(watched_files)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return {row.id: Watched(**row._mapping) for row in rows}

    async def put(self, watched: Watched) -> None:
        """Notes a recording in place of what was noted before."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(watched_files).where(watched_files.c.id == watched.id))
            connection.execute(sa.insert(watched_files).values(asdict(watched)))

        await self._database.run(work)
