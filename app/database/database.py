"""Opens the database, brings it to the current version, and runs transactions in threads."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from app.database.folder import make_private_folder
from app.errors import ConfigurationError, InsufficientStorageError, JobsUnavailableError
from app.settings.jobs import JobSettings
from app.storage import check_room

# SQLAlchemy and Alembic are imported by the first use: a service without jobs has none.
if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy import exc

_FILE = "nordlyd.db"
# The second is of a file beside the database, when it is opened.
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_SCHEMES = frozenset({"postgresql", "postgres"})
_THREADS = 4
_T = TypeVar("_T")


class Database:
    """The database of the service, which is opened by its first use.

    Args:
        folder: the data folder; it has the database unless there is a URL.
        url: of a PostgreSQL database; None for SQLite.

    Raises:
        ConfigurationError: the URL is none of PostgreSQL.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        if url is not None and urlsplit(url).scheme not in _SCHEMES:
            # Without the URL, which has a password.
            raise ConfigurationError(
                f"The scheme of NORDLYD_DATABASE_URL is {urlsplit(url).scheme!r}; accepted: "
                "postgresql://user:password@host/name.",
                param="database_url",
            )
        self._folder = folder
        self._url = url
        self._engine: sa.Engine | None = None
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="nordlyd-database")

    @classmethod
    def of(cls, settings: JobSettings) -> "Database":
        """Returns the database that the settings name; raises as the class."""
        url = settings.database_url
        return cls(settings.data, None if url is None else url.get_secret_value())

    @property
    def is_shared(self) -> bool:
        """Whether several services may use it at once."""
        return self._url is not None

    @property
    def exists(self) -> bool:
        """Whether it was used before, or is that of a server."""
        return self._url is not None or (self._folder / _FILE).exists()

    def check_room(self) -> None:
        """Checks that the disk of an SQLite database has room for another job.

        Raises:
            InsufficientStorageError: it has not.
        """
        if self._url is None:
            check_room(self._folder, 0)

    def open(self) -> "sa.Engine":
        """Returns the engine of the database, at the current version. Waits for the database.

        Raises:
            JobsUnavailableError: it cannot be reached.
            ConfigurationError: a newer version has written it, its file is damaged, or its folder
                cannot be used.
        """
        with self._lock:
            if self._engine is None:
                self._engine = self._connect()
            return self._engine

    @contextmanager
    def begin(self) -> "Iterator[sa.Connection]":
        """Yields a connection in a transaction, which is committed at the end of the context.

        Raises:
            JobsUnavailableError: the database cannot be reached.
            InsufficientStorageError: its disk is full.
            ConfigurationError: as `open`.
        """
        engine = self.open()
        with database_errors(), engine.begin() as connection:
            yield connection

    async def run(self, work: "Callable[[sa.Connection], _T]") -> _T:
        """Returns what `work` returns, which runs in a transaction and in a thread.

        Cancelling the awaiting task does not end a transaction that has begun.

        Raises:
            JobsUnavailableError, InsufficientStorageError, ConfigurationError: as `begin`.
        """

        def transaction() -> _T:
            with self.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, transaction)

    async def purge(self, tables: Sequence[str]) -> bool:
        """Removes rows that were deleted from the files of the database; see `app.database.purge`.

        Returns:
            False where it is to be repeated.

        Raises:
            JobsUnavailableError, InsufficientStorageError, ConfigurationError: as `begin`.
        """
        from app.database.purge import purge  # noqa: PLC0415

        def work() -> bool:
            engine = self.open()
            with database_errors():
                return purge(engine, tables)

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Close every connection."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _connect(self) -> "sa.Engine":
        from app.database.engines import postgresql_engine, sqlite_engine  # noqa: PLC0415
        from app.database.migrate import migrate  # noqa: PLC0415

        with database_errors():
            if self._url is not None:
                engine = postgresql_engine(self._url)
            else:
                make_private_folder(self._folder)
                engine = sqlite_engine(self._folder / _FILE)
            try:
                migrate(engine)
            except BaseException:
                engine.dispose()
                raise
            return engine


@contextmanager
def database_errors() -> Iterator[None]:
    """Turns the errors of a database that cannot be used into those of the service.

    Raises:
        JobsUnavailableError: it cannot be reached, or is busy.
        InsufficientStorageError: its disk is full.
        ConfigurationError: its file is damaged.
    """
    from sqlalchemy import exc  # noqa: PLC0415

    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, OSError) as error:
        if _is_full(error):
            raise InsufficientStorageError(
                "The disk of the database of jobs is full (NORDLYD_DATA or NORDLYD_DATABASE_URL)."
            ) from error
        raise JobsUnavailableError("The database of jobs cannot be used now.") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise JobsUnavailableError("The database of jobs cannot be used now.") from error
        if _is_damaged(error):
            raise ConfigurationError(
                f"The database {_FILE} in NORDLYD_DATA is damaged ({error.orig}): restore it from "
                "a backup, or move it away to begin with an empty one.",
                param="data",
            ) from error
        raise


def _is_damaged(error: "exc.DBAPIError") -> bool:
    origin = error.orig
    if not isinstance(origin, sqlite3.Error):
        return False
    # The lowest byte of an extended code is its kind.
    return origin.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _is_full(error: BaseException) -> bool:
    origin = getattr(error, "orig", None)
    if isinstance(origin, sqlite3.Error):
        return origin.sqlite_errorcode in _FULL
    # Of PostgreSQL: disk_full.
    return getattr(origin, "sqlstate", None) == "53100"
