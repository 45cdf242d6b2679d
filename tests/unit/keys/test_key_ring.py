"""The keys that a running service accepts, while others change the database."""

import asyncio

import pytest
from key_database import Clock

from app.errors import AuthenticationError, UnavailableError
from app.keys import KeyRing, Quota, QuotaLimiter, ring
from app.keys.store import KeyStore


async def present_for(seconds: float, keys: KeyRing, text: str) -> None:
    """Presents a key again and again, until it is refused or the time is over."""
    async with asyncio.timeout(seconds):
        while True:
            await keys.authenticate(text.encode())
            await asyncio.sleep(0.01)


def authenticate(keys: KeyRing, text: str) -> tuple[str, set[str]]:
    async def run() -> tuple[str, set[str]]:
        await keys.refresh()
        identity = await keys.authenticate(text.encode())
        return identity.id, set(identity.scopes)

    return asyncio.run(run())


def test_key_is_accepted_under_its_id_with_its_scopes(store: KeyStore, clock: Clock) -> None:
    key, text = store.create("a", scopes=("admin",))
    keys = KeyRing(open_store=lambda: store, clock=clock)
    assert authenticate(keys, text) == (key.id, {"admin"})


def test_configured_key_has_the_default_scopes_and_a_digest_as_id() -> None:
    owner, scopes = authenticate(KeyRing(["nøkkel"]), "nøkkel")
    assert scopes == {"transcribe", "jobs"}
    assert "nøkkel" not in owner
    assert authenticate(KeyRing(["other", "nøkkel"]), "nøkkel")[0] == owner


@pytest.mark.parametrize("change", ["secret", "id", "short", "empty"])
def test_key_that_differs_in_any_part_is_refused(
    store: KeyStore, clock: Clock, change: str
) -> None:
    _, text = store.create("a")
    other, _ = store.create("b")
    wrong = {
        "secret": text[:-1] + ("A" if text[-1] != "A" else "B"),
        "id": f"nl_{other.id}_{text.rpartition('_')[2]}",
        "short": text[:-1],
        "empty": "",
    }[change]
    with pytest.raises(AuthenticationError):
        authenticate(KeyRing(open_store=lambda: store, clock=clock), wrong)


def test_new_key_is_accepted_at_once_and_a_revoked_one_soon_refused(
    store: KeyStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "REFRESH_SECONDS", 0.05)
    monkeypatch.setattr(ring, "_MISS_SECONDS", 0.0)

    async def run() -> None:
        keys = KeyRing(open_store=lambda: store, clock=clock)
        await keys.start()
        key, text = store.create("a")
        await keys.authenticate(text.encode())
        store.revoke(key.id)
        with pytest.raises(AuthenticationError, match="revoked"):
            await present_for(10, keys, text)
        await keys.close()

    asyncio.run(run())


def test_new_key_is_accepted_at_once_right_after_the_database_was_read(
    store: KeyStore, clock: Clock
) -> None:
    async def run() -> None:
        keys = KeyRing(open_store=lambda: store, clock=clock)
        await keys.refresh()
        texts = [store.create("a")[1] for _ in range(3)]
        identities = await asyncio.gather(*(keys.authenticate(text.encode()) for text in texts))
        assert len({identity.id for identity in identities}) == 3

    asyncio.run(run())


def test_expired_key_is_refused_without_reading_the_database(store: KeyStore, clock: Clock) -> None:
    _, text = store.create("a", expires_in=60)

    async def run() -> None:
        keys = KeyRing(open_store=lambda: store, clock=clock)
        await keys.refresh()
        await keys.authenticate(text.encode())
        clock.now += 60
        with pytest.raises(AuthenticationError, match="expired"):
            await keys.authenticate(text.encode())

    asyncio.run(run())


def test_no_key_is_needed_until_one_is_made_and_then_even_after_it_expired(
    store: KeyStore, clock: Clock
) -> None:
    async def run() -> None:
        keys = KeyRing(open_store=lambda: store, clock=clock)
        assert keys.needed
        await keys.refresh()
        assert not keys.needed
        key, _ = store.create("a", expires_in=60)
        clock.now += 120
        store.revoke(key.id)
        await keys.refresh()
        assert keys.needed
        store.remove(key.id)
        await keys.refresh()
        assert not keys.needed

    asyncio.run(run())


def test_database_that_appears_later_is_read(store: KeyStore, clock: Clock) -> None:
    stores: list[KeyStore] = []

    async def run() -> None:
        keys = KeyRing(open_store=lambda: stores[0] if stores else None, clock=clock)
        await keys.refresh()
        assert not keys.needed
        _, text = store.create("a")
        stores.append(store)
        await keys.refresh()
        assert keys.needed
        await keys.authenticate(text.encode())

    asyncio.run(run())


def test_unreachable_database_keeps_known_keys_and_never_opens_the_service(
    store: KeyStore, clock: Clock
) -> None:
    _, text = store.create("a")
    reachable = False

    def open_it() -> KeyStore:
        if not reachable:
            raise ConnectionError("no database")
        return store

    async def run() -> None:
        nonlocal reachable
        keys = KeyRing(["configured"], open_it, clock=clock)
        await keys.start()
        assert keys.needed
        await keys.authenticate(b"configured")
        with pytest.raises(UnavailableError):
            await keys.authenticate(text.encode())
        reachable = True
        await keys.refresh()
        await keys.authenticate(text.encode())
        reachable = False
        await keys.refresh()
        await keys.authenticate(text.encode())
        await keys.close()

    asyncio.run(run())


def test_quota_of_a_key_and_its_name_reach_the_limiter_and_go_with_the_key(
    store: KeyStore, clock: Clock
) -> None:
    limiter = QuotaLimiter({"b": Quota(requests_per_minute=2)}, clock=clock)
    keys = KeyRing(open_store=lambda: store, quotas=limiter, clock=clock)
    own, _ = store.create("a", quota=Quota(requests_per_minute=1))
    named, _ = store.create("b")
    asyncio.run(keys.refresh())
    assert limiter.quota_of(own.id) == Quota(requests_per_minute=1)
    assert limiter.quota_of(named.id) == Quota(requests_per_minute=2)
    store.remove(own.id)
    store.remove(named.id)
    asyncio.run(keys.refresh())
    assert limiter.quota_of(own.id) is None
    assert limiter.quota_of(named.id) is None


def test_use_of_a_key_is_recorded_at_the_next_reading(store: KeyStore, clock: Clock) -> None:
    _, text = store.create("a")
    keys = KeyRing(open_store=lambda: store, clock=clock)
    authenticate(keys, text)
    assert store.list()[0].last_used_at is None
    asyncio.run(keys.refresh())
    assert store.list()[0].last_used_at is not None
