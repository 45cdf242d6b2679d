"""Known speakers in PostgreSQL."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from postgresql import postgresql

from app.contract.speakers import KnownSpeaker
from app.database import Database
from app.keys.store import KeyStore
from app.known_speakers.store import SpeakerStore

pytestmark = pytest.mark.postgresql


def test_speakers_are_kept_for_their_owner_and_erased_with_its_key(tmp_path: Path) -> None:
    embedding = np.linspace(-1, 1, 192, dtype=np.float32)
    with postgresql() as server, closing(Database(tmp_path, server.url)) as database:
        keys, store = KeyStore(database), SpeakerStore(database)
        key, _ = keys.create("Arkivet")
        first, second, third = (
            KnownSpeaker(
                id=f"spk_{number}",
                name="Kari Nordmann-Ås",
                seconds=2.5,
                created_at=datetime(2026, 11, 29, 12, number, tzinfo=UTC),
            )
            for number in range(3)
        )

        async def run() -> None:
            assert await store.add(key.id, second, embedding, limit=2)
            assert await store.add(key.id, first, -embedding, limit=2)
            assert not await store.add(key.id, third, embedding, limit=2)
            assert await store.add("", third, embedding, limit=2)
            assert await store.of_owner(key.id) == [first, second]
            voices = await store.voices(key.id)
            np.testing.assert_array_equal(voices[1].embedding, embedding)
            assert not await store.delete("", first.id)
            assert await store.delete(key.id, first.id)
            assert await database.purge(("known_speakers",))
            assert await store.of_owner(key.id) == [second]
            await asyncio.to_thread(keys.remove, key.id)
            assert await store.of_owner(key.id) == []
            assert await store.of_owner("") == [third]

        asyncio.run(run())
