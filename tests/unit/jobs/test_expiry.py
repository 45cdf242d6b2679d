"""Which jobs are due to be erased, on a real database, with a clock that the test sets."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from event_loops import on_event_loop
from postgresql import postgresql

from app.contract.jobs import JobStatus
from app.database import Database
from app.durations import Keep
from app.jobs.correction_records import CorrectionRecords
from app.jobs.expiry import Expiry
from app.jobs.receiving import Receiving
from app.jobs.records import Records
from app.jobs.retention import RetentionPolicy
from app.jobs.types import Submission
from app.jobs.work_records import WorkRecords

_DAY = 86_400.0
_START = 1_800_000_000.0


class _Kept:
    """Records under rules, and what is due by them."""

    def __init__(self, database: Database, **rules: Keep) -> None:
        policy = RetentionPolicy(**rules)
        self.now = _START
        self.records = Records(database, policy, lambda: self.now)
        self.work = WorkRecords(database, policy, lambda: self.now, None)
        self.receiving = Receiving(database, lambda: self.now, lambda: "a process")
        self.expiry = Expiry(database, policy)
        self.corrections = CorrectionRecords(database, policy, lambda: self.now)

    async def add(
        self,
        job_id: str,
        *,
        status: JobStatus | None = "completed",
        expires_in: float | None = None,
    ) -> None:
        """Adds a job that ends at once; with the status None it is still worked on."""
        submission = Submission(
            owner="key:a", kind="transcribe", options={}, model="m", language="nb",
            source="https://example.org/a.wav", expires_in=expires_in,
        )  # fmt: skip
        assert await self.receiving.insert(job_id, submission, None)
        await self.receiving.accept(job_id, None)
        await self.work.begin(job_id, first=True)
        if status is not None:
            await self.work.finish(job_id, status)

    async def fetch(self, job_id: str) -> None:
        record = await self.records.find("key:a", job_id)
        assert record is not None
        await self.records.note_fetched(record)

    async def correct(self, job_id: str, *, training: bool | None) -> None:
        corrected = await self.corrections.correct(
            "key:a", job_id, "a name", training=training, versions=None
        )
        assert corrected is not None

    async def expires_at(self, job_id: str) -> float | None:
        record = await self.records.find("key:a", job_id)
        assert record is not None
        shown = record.job.expires_at
        return None if shown is None else shown.timestamp()

    async def due(self, after: float) -> list[str]:
        return sorted(due.id for due in await self.expiry.jobs(_START + after))

    async def recordings_due(self, after: float) -> list[str]:
        return sorted(due.id for due in await self.expiry.recordings(_START + after))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path)
    yield opened
    opened.close()


@on_event_loop
async def test_job_is_due_when_its_time_has_passed_and_not_before(database: Database) -> None:
    kept = _Kept(database, results=timedelta(days=7))
    await kept.add("a")
    await kept.add("short", expires_in=60.0)
    await kept.add("working", status=None)
    assert await kept.expires_at("a") == _START + 7 * _DAY
    assert await kept.expires_at("short") == _START + 60
    assert await kept.expires_at("working") is None
    assert await kept.due(59) == []
    assert await kept.due(60) == ["short"]
    assert await kept.due(365 * _DAY) == ["a", "short"]


@on_event_loop
async def test_fetched_job_is_due_ten_minutes_later(database: Database) -> None:
    kept = _Kept(database, results="until-fetched", audio="until-fetched")
    for job_id in ("fetched", "waiting"):
        await kept.add(job_id)
    await kept.add("failed", status="failed")
    kept.now += 100 * _DAY
    await kept.fetch("fetched")
    fetched_at = kept.now
    kept.now += 300
    await kept.fetch("fetched")
    assert await kept.expires_at("fetched") == fetched_at + 600
    assert await kept.expires_at("waiting") is None
    assert await kept.due(7 * _DAY) == ["failed"]
    assert await kept.due(100 * _DAY + 599) == ["failed"]
    assert await kept.due(100 * _DAY + 600) == ["failed", "fetched"]
    assert await kept.recordings_due(100 * _DAY + 599) == ["failed"]
    assert await kept.recordings_due(100 * _DAY + 600) == ["failed", "fetched"]


@on_event_loop
async def test_recording_is_due_once_by_its_own_rule(database: Database) -> None:
    kept = _Kept(database, audio=timedelta(hours=1))
    await kept.add("a")
    await kept.add("working", status=None)
    assert await kept.recordings_due(3599) == []
    assert await kept.recordings_due(3600) == ["a"]
    await kept.expiry.note_recording_erased("a", kept.now)
    assert await kept.recordings_due(3600) == []
    assert await kept.due(3600) == []


@on_event_loop
async def test_recordings_that_are_kept_forever_are_never_due(database: Database) -> None:
    kept = _Kept(database, audio="forever", results="forever")
    await kept.add("a")
    assert await kept.expires_at("a") is None
    assert await kept.recordings_due(10_000 * _DAY) == []
    assert await kept.due(10_000 * _DAY) == []


@on_event_loop
async def test_stricter_rule_holds_for_jobs_that_have_ended(database: Database) -> None:
    before = _Kept(database, results="forever")
    await before.add("a")
    await before.add("short", expires_in=60.0)
    await before.add("working", status=None)
    stricter = _Kept(database, results=timedelta(days=1))
    await stricter.expiry.apply_stricter_rules()
    assert await stricter.expires_at("a") == _START + _DAY
    assert await stricter.expires_at("short") == _START + 60
    assert await stricter.expires_at("working") is None


@pytest.mark.parametrize("results", ["forever", "until-fetched", timedelta(days=30)])
@on_event_loop
async def test_relaxed_rule_leaves_the_promise_of_jobs_that_have_ended(
    database: Database, results: Keep
) -> None:
    await _Kept(database, results=timedelta(days=1)).add("a")
    relaxed = _Kept(database, results=results)
    await relaxed.expiry.apply_stricter_rules()
    assert await relaxed.expires_at("a") == _START + _DAY


@on_event_loop
async def test_purged_database_has_no_byte_of_deleted_rows(
    database: Database, tmp_path: Path
) -> None:
    kept = _Kept(database)
    await kept.add("a-name-that-is-erased")
    await kept.records.mark_erasing("key:a", "a-name-that-is-erased")
    await kept.records.delete("a-name-that-is-erased")

    def found() -> bool:
        return any(b"a-name-that-is-erased" in file.read_bytes() for file in tmp_path.iterdir())

    assert found()
    reader = sqlite3.connect(tmp_path / "nordlyd.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM jobs").fetchone()
    # The log cannot be emptied while another program reads it.
    assert not await database.purge(("jobs", "job_events"))
    reader.close()
    assert await database.purge(("jobs", "job_events"))
    assert not found()


@pytest.mark.postgresql
@on_event_loop
async def test_purged_postgresql_has_no_dead_row(tmp_path: Path) -> None:
    with postgresql() as server:
        database = Database(tmp_path, server.url)
        kept = _Kept(database)
        await kept.add("a")
        await kept.records.mark_erasing("key:a", "a")
        await kept.records.delete("a")
        dead = sa.text("SELECT dead_tuple_count FROM pgstattuple('jobs')")

        def count(connection: sa.Connection) -> int:
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pgstattuple"))
            return int(connection.execute(dead).scalar_one())

        assert await database.run(count) > 0
        assert await database.purge(("jobs", "job_events"))
        assert await database.run(count) == 0
        database.close()


@on_event_loop
async def test_job_that_is_kept_for_training_expires_by_the_rule_of_corrections(
    database: Database,
) -> None:
    kept = _Kept(
        database, audio=timedelta(hours=1), results=timedelta(days=1),
        corrections=timedelta(days=9),
    )  # fmt: skip
    for job_id in ("agreed", "corrected", "withdrawn", "short"):
        await kept.add(job_id, expires_in=7200.0 if job_id == "short" else None)
        await kept.correct(job_id, training=None if job_id == "corrected" else True)
    await kept.correct("withdrawn", training=False)
    assert await kept.expires_at("agreed") == _START + 9 * _DAY
    assert await kept.expires_at("corrected") == _START + _DAY
    assert await kept.expires_at("withdrawn") == _START + _DAY
    assert await kept.expires_at("short") == _START + 7200
    assert await kept.recordings_due(_DAY) == ["corrected", "withdrawn"]
    assert await kept.due(_DAY) == ["corrected", "short", "withdrawn"]
    assert await kept.due(9 * _DAY) == ["agreed", "corrected", "short", "withdrawn"]


@on_event_loop
async def test_fetching_a_job_that_is_kept_for_training_does_not_let_it_expire(
    database: Database,
) -> None:
    kept = _Kept(database, results="until-fetched", corrections="forever")
    await kept.add("a")
    await kept.correct("a", training=True)
    await kept.fetch("a")
    assert await kept.expires_at("a") is None


@on_event_loop
async def test_jobs_kept_for_training_expire_as_others_once_the_operator_keeps_none(
    database: Database,
) -> None:
    before = _Kept(database, audio="forever", results=timedelta(days=1), corrections="forever")
    await before.add("a")
    await before.correct("a", training=True)
    await before.expiry.apply_stricter_rules()
    assert await before.expires_at("a") is None
    shorter = _Kept(database, results=timedelta(days=1), corrections=timedelta(days=3))
    await shorter.expiry.apply_stricter_rules()
    assert await shorter.expires_at("a") == _START + 3 * _DAY
    without = _Kept(database, results=timedelta(days=1))
    await without.expiry.apply_stricter_rules()
    assert await without.expires_at("a") == _START + _DAY
    assert await without.recordings_due(0.0) == ["a"]
