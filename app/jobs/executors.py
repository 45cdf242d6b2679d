"""Which processes work on the jobs of a shared database, and which of them were lost."""

from collections.abc import Sequence

import sqlalchemy as sa

from app.database import Database
from app.jobs.schema import executors


class Executors:
    """The processes that work on jobs.

    Args:
        database: that they share.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, executor: str, *, lost_after: float) -> Sequence[str]:
        """Notes that a process works on jobs, and removes those that were not seen for long.

        Args:
            executor: the process.
            lost_after: seconds without being seen after which a process counts as lost.

        Returns:
            The processes that were lost.
        """

        def work(connection: sa.Connection) -> Sequence[str]:
            # By the clock of the database: those of the machines may differ.
            now = connection.execute(
                sa.select(sa.extract("epoch", sa.func.clock_timestamp()))
            ).scalar_one()
            connection.execute(sa.delete(executors).where(executors.c.id == executor))
            connection.execute(sa.insert(executors).values(id=executor, seen_at=float(now)))
            lost = executors.c.seen_at < float(now) - lost_after
            return connection.execute(sa.select(executors.c.id).where(lost)).scalars().all()

        return await self._database.run(work)

    async def forget(self, executor: str) -> None:
        """Removes a process that was lost."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.delete(executors).where(executors.c.id == executor)
            )
        )

    async def leave(self, executor: str) -> None:
        """Notes that a process has stopped, so that its jobs are taken over at once."""
        await self._database.run(
            lambda connection: connection.execute(
                sa.update(executors).where(executors.c.id == executor).values(seen_at=0.0)
            )
        )
