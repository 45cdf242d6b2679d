"""The table of jobs, as the classes that read and write records share it."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from app.database import Database
from app.jobs.retention import RetentionPolicy
from app.jobs.rows import Record, record_of
from app.jobs.schema import jobs


class JobTable:
    """The table of jobs of a database.

    Args:
        database: that has it.
        policy: how long a job is kept that has ended.
        now: the time in seconds since 1970; any thread may call it.
    """

    def __init__(
        self, database: Database, policy: RetentionPolicy, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._policy = policy
        self._now = now

    async def _records(self, *where: sa.ColumnElement[bool]) -> Sequence[Record]:
        """Returns the jobs of a condition, in the order of their ids."""
        query = sa.select(jobs).where(*where).order_by(jobs.c.id)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [record_of(row._mapping) for row in rows]
