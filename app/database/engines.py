"""Makes the SQLAlchemy engines of SQLite and PostgreSQL, as the service needs them."""

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    import psycopg

_BUSY_SECONDS = 30
_CONNECT_SECONDS = 5
# A host that is cut off, or hangs, is noticed within so many seconds, by the service and by the
# server: until then, the locks of its transactions hold up the other processes.
_SILENT_SECONDS = 15
_KEEPALIVE_SECONDS = 5
_POOL_CONNECTIONS = 5
_POOL_SECONDS = 10


def sqlite_engine(file: Path) -> sa.Engine:
    """Returns an engine of an SQLite file, which is made where it is missing.

    A commit is on disk when it returns, and what is deleted is overwritten.
    """
    # SQLite gives its other files the mode of this one.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = sa.create_engine(f"sqlite:///{file}", hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        # A transaction that writes takes the lock at its beginning: two that read first and write
        # then would fail each other. DBOS, which uses this engine too, relies on it.
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            f"busy_timeout={_BUSY_SECONDS * 1000}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def postgresql_engine(url: str) -> sa.Engine:
    """Returns an engine of a PostgreSQL database, by psycopg.

    A connection whose peer is silent fails after 15 seconds, on both sides, instead of the hours
    of TCP's defaults; a transaction in which nothing happens for so long is rolled back.
    """
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=_POOL_CONNECTIONS,
        pool_timeout=_POOL_SECONDS,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "keepalives_idle": _KEEPALIVE_SECONDS,
            "keepalives_interval": _KEEPALIVE_SECONDS,
            "keepalives_count": _SILENT_SECONDS // _KEEPALIVE_SECONDS,
            "tcp_user_timeout": _SILENT_SECONDS * 1000,
        },
    )

    @sa.event.listens_for(engine, "connect")
    def configure(connection: "psycopg.Connection", _: object) -> None:
        for name, value in (
            ("idle_in_transaction_session_timeout", f"{_SILENT_SECONDS}s"),
            ("tcp_keepalives_idle", _KEEPALIVE_SECONDS),
            ("tcp_keepalives_interval", _KEEPALIVE_SECONDS),
            ("tcp_keepalives_count", _SILENT_SECONDS // _KEEPALIVE_SECONDS),
            ("tcp_user_timeout", f"{_SILENT_SECONDS}s"),
        ):
            connection.execute("SELECT set_config(%s, %s, false)", (name, str(value)))
        connection.commit()

    return engine
