"""Removes what deleted rows leave behind in the files of a database."""

from collections.abc import Sequence

import sqlalchemy as sa

# Readers are waited for this long, since those who write wait meanwhile.
_BUSY_MILLISECONDS = 500


def purge(engine: sa.Engine, tables: Sequence[str]) -> bool:
    """Removes deleted rows from the files of a database.

    SQLite overwrites rows when it deletes them; their copies in the write-ahead log are removed by
    emptying it. PostgreSQL removes them from their pages by VACUUM.

    Args:
        engine: of the database.
        tables: that rows were deleted from.

    Returns:
        False where another connection to SQLite reads meanwhile: it is to be repeated.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name != "sqlite":
            preparer = connection.dialect.identifier_preparer
            connection.exec_driver_sql(f"VACUUM {', '.join(map(preparer.quote, tables))}")
            return True
        before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
        try:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={before}")
        return not busy
