"""Keys in PostgreSQL, which several services share and which may go away."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from postgresql import PostgreSQL, postgresql

from app.database import Database
from app.errors import AuthenticationError, JobsUnavailableError
from app.keys import KeyRing
from app.keys.existing import existing_store
from app.keys.store import KeyStore

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@pytest.fixture
def database(server: PostgreSQL, tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path, server.url)) as opened:
        yield opened


def test_key_that_one_process_makes_and_revokes_is_so_for_the_others(
    server: PostgreSQL, database: Database, tmp_path: Path
) -> None:
    with closing(Database(tmp_path, server.url)) as other:
        keys = KeyRing(open_store=lambda: existing_store(other))

        async def accepted(text: str) -> str:
            await keys.refresh()
            return (await keys.authenticate(text.encode())).id

        store = KeyStore(database)
        key, text = store.create("Arkivet", scopes=("jobs",), expires_in=3600)
        assert asyncio.run(accepted(text)) == key.id
        asyncio.run(keys.refresh())
        (listed,) = [each for each in store.list() if each.id == key.id]
        assert listed.last_used_at is not None
        store.revoke(key.id)
        with pytest.raises(AuthenticationError, match="revoked"):
            asyncio.run(accepted(text))


def test_known_key_is_accepted_while_the_server_is_away(
    server: PostgreSQL, database: Database
) -> None:
    store = KeyStore(database)
    keys = KeyRing(open_store=lambda: existing_store(database))
    key, text = store.create("Arkivet")

    async def accepted() -> str:
        await keys.refresh()
        return (await keys.authenticate(text.encode())).id

    assert asyncio.run(accepted()) == key.id
    server.stop()
    try:
        assert asyncio.run(accepted()) == key.id
        with pytest.raises(JobsUnavailableError):
            store.list()
    finally:
        server.start()
    store.revoke(key.id)
    with pytest.raises(AuthenticationError, match="revoked"):
        asyncio.run(accepted())
