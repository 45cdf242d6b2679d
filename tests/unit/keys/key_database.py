"""A database of keys in a folder, and a clock that a test sets."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine

from app.keys.store import KeyStore, api_keys


@dataclass
class Clock:
    """Seconds since 1970."""

    now: float

    def __call__(self) -> float:
        return self.now


def open_store(folder: Path, clock: Clock) -> KeyStore:
    """The keys of a database in that folder, which is made if needed."""
    engine = create_engine(f"sqlite:///{folder / 'keys.sqlite'}")
    api_keys.metadata.create_all(engine)
    return KeyStore(engine, clock=clock)
