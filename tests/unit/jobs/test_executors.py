"""Which process may work on jobs, on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from event_loops import on_event_loop
from postgresql import postgresql

from app.database import Database
from app.jobs.executors import Executors
from app.jobs.receiving import Receiving
from app.jobs.records import Records
from app.jobs.retention import RetentionPolicy
from app.jobs.schema import executors
from app.jobs.types import Submission
from app.jobs.work_records import ExecutorLostError, WorkRecords

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with postgresql() as server:
        opened = Database(tmp_path, server.url)
        yield opened
        opened.close()


def records_of(database: Database, executor: str) -> WorkRecords:
    return WorkRecords(database, RetentionPolicy(), lambda: 1.0, executor)


async def submitted(database: Database, job_id: str) -> None:
    submission = Submission(
        owner="key:a", kind="transcribe", options={}, model="m", language="nb",
        source="https://example.org/a.wav",
    )  # fmt: skip
    receiving = Receiving(database, lambda: 1.0, lambda: "any")
    assert await receiving.insert(job_id, submission, None)
    await receiving.accept(job_id, None)


async def silence(database: Database, executor: str) -> None:
    """Has an executor not renewed itself for an hour."""
    query = sa.update(executors).where(executors.c.id == executor)
    await database.run(
        lambda connection: connection.execute(query.values(seen_at=executors.c.seen_at - 3600.0))
    )


@on_event_loop
async def test_executor_that_was_removed_changes_no_job_any_more(database: Database) -> None:
    running = Executors(database, lost_after=30.0)
    silent, other = await running.register(), await running.register()
    await submitted(database, "job_a")
    assert await records_of(database, silent).begin("job_a", first=True)
    await silence(database, silent)
    assert await running.renew(other)

    before = await Records(database, RetentionPolicy(), lambda: 1.0).find("key:a", "job_a")
    for change in (
        records_of(database, silent).check_registered(),
        records_of(database, silent).begin("job_a", first=False),
        records_of(database, silent).note_kept("job_a"),
        records_of(database, silent).advance("job_a", progress=0.5, seconds_left=1.0, duration=2.0),
        records_of(database, silent).finish("job_a", "completed", duration=2.0),
    ):
        with pytest.raises(ExecutorLostError):
            await change
    records = Records(database, RetentionPolicy(), lambda: 1.0)
    assert await records.find("key:a", "job_a") == before
    assert not await running.renew(silent)
    assert await records_of(database, other).finish("job_a", "completed", duration=2.0)


@on_event_loop
async def test_silent_executor_continues_where_none_has_removed_it(database: Database) -> None:
    running = Executors(database, lost_after=30.0)
    alone = await running.register()
    await submitted(database, "job_a")
    await silence(database, alone)
    assert await records_of(database, alone).begin("job_a", first=True)
    assert await running.renew(alone)
    assert await records_of(database, alone).finish("job_a", "completed", duration=2.0)
