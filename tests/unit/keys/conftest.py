"""A store of keys, and its clock."""

from pathlib import Path

import pytest
from key_database import Clock, open_store

from app.keys.store import KeyStore


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> KeyStore:
    return open_store(tmp_path, clock)
