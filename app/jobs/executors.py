"""Which processes work on the jobs of a shared database, and whose jobs are to be taken over.

A process may work on jobs while it has a row in the table of executors. It renews the row; one
that was not renewed for long is removed by another process, and never comes back: a process whose
row was removed registers anew, under another id.
"""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from app.database import Database
from app.jobs.schema import executors

# Of DBOS; its documentation describes the table.
_workflows = sa.table(
    "workflow_status", sa.column("status"), sa.column("executor_id"), schema="dbos"
)


class Executors:
    """The processes that work on jobs.

    Args:
        database: that they share.
        lost_after: seconds without being renewed after which a process counts as lost.
    """

    def __init__(self, database: Database, *, lost_after: float) -> None:
        self._database = database
        self._lost_after = lost_after

    async def register(self) -> str:
        """Registers this process and returns its new id."""
        executor = uuid.uuid4().hex

        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.insert(executors).values(id=executor, seen_at=database_time(connection))
            )

        await self._database.run(work)
        return executor

    async def renew(self, executor: str) -> bool:
        """Notes that a process works on jobs, and removes those that were lost.

        Returns:
            False where the process itself was taken for lost.
        """

        def work(connection: sa.Connection) -> bool:
            now = database_time(connection)
            renewed = connection.execute(
                sa.update(executors).where(executors.c.id == executor).values(seen_at=now)
            )
            connection.execute(
                sa.delete(executors).where(executors.c.seen_at < now - self._lost_after)
            )
            return bool(renewed.rowcount)

        return await self._database.run(work)

    async def lost(self) -> Sequence[str]:
        """Returns the processes that have begun jobs and are not registered any more."""
        query = (
            sa.select(_workflows.c.executor_id)
            .where(
                _workflows.c.status == "PENDING",
                _workflows.c.executor_id.not_in(sa.select(executors.c.id)),
            )
            .distinct()
        )
        return await self._database.run(
            lambda connection: connection.execute(query).scalars().all()
        )

    async def leave(self, executor: str) -> None:
        """Removes a process that has stopped, so that its jobs are taken over at once."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.delete(executors).where(executors.c.id == executor)
            )
        )


def is_registered(connection: sa.Connection, executor: str) -> bool:
    """Returns whether a process may work on jobs."""
    query = sa.select(executors.c.id).where(executors.c.id == executor)
    return connection.execute(query).first() is not None


def database_time(connection: sa.Connection) -> float:
    """Returns the seconds since 1970 by the clock of the database: those of the machines differ."""
    query = sa.select(sa.extract("epoch", sa.func.clock_timestamp()))
    return float(connection.execute(query).scalar_one())
