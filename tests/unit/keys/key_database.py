"""A database of keys in a folder, and a clock that a test sets."""

from dataclasses import dataclass
from pathlib import Path

from app.database import Database
from app.keys.store import KeyStore


@dataclass
class Clock:
    """Seconds since 1970."""

    now: float

    def __call__(self) -> float:
        return self.now


def open_store(folder: Path, clock: Clock) -> KeyStore:
    """The keys of a database in that folder, which is made if needed."""
    return KeyStore(Database(folder), clock=clock)
