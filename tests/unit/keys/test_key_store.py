"""Keys in a database on disk: what is kept of them, and what becomes of them."""

from pathlib import Path

import pytest
from key_database import Clock, open_store

from app.errors import InvalidRequestError
from app.keys import Quota
from app.keys.store import KeyStore
from app.keys.tokens import parse_token


def test_created_key_is_listed_with_what_it_was_given(store: KeyStore, clock: Clock) -> None:
    quota = Quota(requests_per_minute=3)
    key, text = store.create("Arkivet", scopes=("jobs",), expires_in=3600, quota=quota)
    assert text.startswith(f"nl_{key.id}_")
    assert store.list() == [key]
    assert (key.name, key.scopes, key.quota) == ("Arkivet", {"jobs"}, quota)
    assert key.expires_at == clock.now + 3600
    assert [key.status(clock.now + after) for after in (3599, 3600)] == ["active", "expired"]


def test_database_holds_neither_key_nor_secret(tmp_path: Path, clock: Clock) -> None:
    _, text = open_store(tmp_path, clock).create("Arkivet")
    token = parse_token(text.encode())
    assert token is not None
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Arkivet" in content
    assert token.secret not in content


def test_two_keys_differ_in_id_and_secret(store: KeyStore) -> None:
    tokens = [parse_token(store.create("same")[1].encode()) for _ in range(2)]
    assert tokens[0] is not None
    assert tokens[1] is not None
    assert tokens[0].id != tokens[1].id
    assert tokens[0].secret != tokens[1].secret


def test_revoked_key_stays_listed_with_when_it_was_revoked(store: KeyStore, clock: Clock) -> None:
    key, _ = store.create("a")
    store.revoke(key.id)
    clock.now += 60
    store.revoke(key.id)
    (listed,) = store.list()
    assert listed.status(clock.now) == "revoked"
    assert listed.revoked_at == clock.now - 60


def test_removed_key_is_gone(store: KeyStore) -> None:
    kept, _ = store.create("kept")
    removed, _ = store.create("removed")
    store.remove(removed.id)
    assert store.list() == [kept]


@pytest.mark.parametrize("method", ["revoke", "remove"])
def test_unknown_id_is_an_error_that_names_the_listing(store: KeyStore, method: str) -> None:
    with pytest.raises(InvalidRequestError, match="nordlyd keys list"):
        getattr(store, method)("000000000000")


def test_use_is_recorded_to_the_hour(store: KeyStore, clock: Clock) -> None:
    key, _ = store.create("a")
    store.record_use([key.id])
    (listed,) = store.list()
    assert listed.last_used_at is not None
    assert listed.last_used_at % 3600 == 0
    assert 0 <= clock.now - listed.last_used_at < 3600
