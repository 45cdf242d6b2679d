"""Audio that keys have used today: kept in the database, shared by processes, of this day alone."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from key_database import Clock, open_store

from app.database import Database
from app.errors import JobsUnavailableError, QuotaExceededError
from app.keys import KeyRing, Quota, QuotaLimiter
from app.keys.existing import existing_store
from app.keys.store import KeyStore

DAY = 86_400.0
LIMITED = {"*": Quota(audio_minutes_per_day=1)}


@pytest.fixture
def clock() -> Clock:
    return Clock(20_000 * DAY)


class Process:
    """What one service counts of audio."""

    def __init__(self, store: KeyStore | None, clock: Clock) -> None:
        self.store = store
        self.quotas = QuotaLimiter(LIMITED, clock=clock)
        self.keys = KeyRing(open_store=self.open, quotas=self.quotas, clock=clock)

    def open(self) -> KeyStore | None:
        return self.store

    def exchange(self) -> None:
        asyncio.run(self.keys.refresh())

    def used(self, key_id: str = "a") -> int:
        return 60 - int(self.quotas.headers(key_id)["ratelimit-remaining"])


def test_audio_of_a_key_survives_a_restart(store: KeyStore, clock: Clock) -> None:
    async def run(seconds: float) -> int:
        process = Process(store, clock)
        await process.keys.start()
        process.quotas.count_audio("a", seconds, saved=True)
        used = process.used()
        await process.keys.close()
        return used

    assert asyncio.run(run(20)) == 20
    assert asyncio.run(run(15)) == 35
    third = Process(store, clock)
    third.exchange()
    assert third.used() == 35
    assert third.used("b") == 0


def test_processes_share_what_a_key_has_used(store: KeyStore, clock: Clock) -> None:
    first, second = Process(store, clock), Process(store, clock)
    first.quotas.count_audio("a", 30, saved=True)
    second.quotas.count_audio("a", 25, saved=True)
    for process in (first, second, first):
        process.exchange()
    second.quotas.count_audio("a", 5, saved=True)
    assert (first.used(), second.used()) == (55, 60)
    first.quotas.count_audio("a", 5, saved=True)
    with pytest.raises(QuotaExceededError), first.quotas.admit("a"):
        pass


def test_audio_of_an_earlier_day_neither_counts_nor_stays(store: KeyStore, clock: Clock) -> None:
    process = Process(store, clock)
    process.quotas.count_audio("a", 60, saved=True)
    process.exchange()
    clock.now += DAY
    process.exchange()
    assert process.used() == 0
    process.quotas.count_audio("b", 1, saved=True)
    process.exchange()
    assert store.exchange_audio({}, 20_000) == {}


def test_audio_is_added_once_the_database_is_back(clock: Clock, tmp_path: Path) -> None:
    class Broken(KeyStore):
        away = True

        def exchange_audio(self, counts, day):
            if self.away:
                raise JobsUnavailableError("away")
            return super().exchange_audio(counts, day)

    broken = Broken(Database(tmp_path), clock=clock)
    process = Process(broken, clock)
    process.quotas.count_audio("a", 20, saved=True)
    process.exchange()
    process.quotas.count_audio("a", 3, saved=True)
    assert process.used() == 23
    broken.away = False
    process.exchange()
    assert process.used() == 23
    assert broken.exchange_audio({}, 20_000) == {("a", 20_000): 23.0}


def test_audio_is_counted_without_a_database_and_saved_once_there_is_one(
    clock: Clock, tmp_path: Path
) -> None:
    with closing(Database(tmp_path)) as database:
        process = Process(None, clock)
        process.store = existing_store(database)
        process.quotas.count_audio("a", 20, saved=True)
        process.exchange()
        assert process.used() == 20
        assert not database.exists
        process.store = open_store(tmp_path, clock)
        process.exchange()
        assert process.used() == 20
        assert process.store.exchange_audio({}, 20_000) == {("a", 20_000): 20.0}


def test_audio_of_addresses_and_of_unlimited_keys_is_not_kept(
    store: KeyStore, clock: Clock
) -> None:
    process = Process(store, clock)
    process.quotas.count_audio("address:127.0.0.1", 20)
    process.quotas.attach("free", quota=Quota(requests_per_minute=5))
    process.quotas.count_audio("free", 20, saved=True)
    process.exchange()
    assert process.used("address:127.0.0.1") == 20
    assert store.exchange_audio({}, 20_000) == {}
