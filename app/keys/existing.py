"""The stored keys of a database that exists; without one, nothing of SQLAlchemy is imported."""

from typing import TYPE_CHECKING

from app.database import Database

if TYPE_CHECKING:
    from app.keys.store import KeyStore


def existing_store(database: Database) -> "KeyStore | None":
    """Returns the keys of a database; None while there is no database."""
    if not database.exists:
        return None
    from app.keys.store import KeyStore  # noqa: PLC0415 - imports SQLAlchemy

    return KeyStore(database)
