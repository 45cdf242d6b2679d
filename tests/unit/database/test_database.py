"""The database of the service: opened, brought to the current version, and its errors."""

import os
import stat
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from event_loops import on_event_loop

from app.database import Database, FolderLock
from app.database.engines import sqlite_engine
from app.database.migrate import VERSION_TABLE, migrate
from app.errors import ConfigurationError, JobsUnavailableError
from app.jobs import RetentionPolicy
from app.jobs.records import Records
from app.jobs.schema import metadata

FIRST_VERSION = "0001"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "data")
    yield opened
    opened.close()


def test_database_of_the_first_version_keeps_its_rows(tmp_path: Path, database: Database) -> None:
    (tmp_path / "data").mkdir()
    engine = sqlite_engine(tmp_path / "data" / "nordlyd.db")
    migrate(engine, FIRST_VERSION)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO executors (id, seen_at) VALUES ('of before', 1800000000.5)"
        )
    engine.dispose()
    with database.begin() as connection:
        rows = connection.exec_driver_sql("SELECT id, seen_at FROM executors").all()
        version = connection.exec_driver_sql(f"SELECT * FROM {VERSION_TABLE}").scalar_one()
    assert [tuple(row) for row in rows] == [("of before", 1800000000.5)]
    assert version > FIRST_VERSION


@on_event_loop
async def test_job_of_before_traces_belongs_to_none(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    engine = sqlite_engine(tmp_path / "data" / "nordlyd.db")
    migrate(engine, "0005")
    of_before = {
        "id": "job_1", "owner": "", "phase": "live", "receiver": "", "enqueued": 1,
        "status": "queued", "kind": "transcribe", "protocol": "native", "name": "", "model": "m",
        "language": "nb", "options": "{}", "protocol_options": "{}", "created_at": 1.8e9,
        "progress": 0.0, "attempts": 0,
    }  # fmt: skip
    with engine.begin() as connection:
        values = ", ".join(f":{name}" for name in of_before)
        connection.execute(
            sa.text(f"INSERT INTO jobs ({', '.join(of_before)}) VALUES ({values})"), of_before
        )
    engine.dispose()
    database = Database(tmp_path / "data")
    policy = RetentionPolicy("until-fetched", timedelta(days=7))
    record = await Records(database, policy, lambda: 1.9e9).live("job_1")
    database.close()
    assert record is not None
    assert record.job.status == "queued"
    assert record.trace_context == {}


def test_migrated_tables_have_the_columns_of_the_queries(database: Database) -> None:
    found = sa.inspect(database.open())
    for table in metadata.tables.values():
        columns = {column["name"] for column in found.get_columns(table.name)}
        assert columns == set(table.columns.keys()), table.name


def test_database_of_a_newer_version_is_refused(tmp_path: Path, database: Database) -> None:
    database.open()
    with database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    database.close()
    with pytest.raises(ConfigurationError, match="newer"):
        Database(tmp_path / "data").open()


@pytest.mark.parametrize("size", [100, 8_192], ids=["header", "some pages"])
def test_damaged_file_is_named_in_the_error(tmp_path: Path, database: Database, size: int) -> None:
    database.open()
    database.close()
    file = tmp_path / "data" / "nordlyd.db"
    file.write_bytes(cut := file.read_bytes()[:size])
    damaged = Database(tmp_path / "data")
    with pytest.raises(ConfigurationError, match=r"nordlyd\.db in NORDLYD_DATA is damaged"):
        damaged.open()
    damaged.close()
    assert file.read_bytes() == cut


def test_interrupted_migration_leaves_the_version_of_before(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "nordlyd.db")
    migrate(engine, FIRST_VERSION)
    with engine.begin() as connection:
        # What a later migration makes is in its way.
        connection.exec_driver_sql("CREATE TABLE api_keys (id TEXT)")
    before = sa.inspect(engine).get_table_names()
    with pytest.raises(sa.exc.OperationalError):
        migrate(engine)
    assert sa.inspect(engine).get_table_names() == before
    with engine.connect() as connection:
        version = connection.exec_driver_sql(f"SELECT * FROM {VERSION_TABLE}").scalar_one()
    assert version == FIRST_VERSION
    engine.dispose()


def test_folder_and_files_can_be_read_by_their_owner_alone(
    tmp_path: Path, database: Database
) -> None:
    database.open()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    for file in (tmp_path / "data").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_several_that_open_a_new_database_at_once_all_can(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def open_one() -> None:
        database = Database(tmp_path / "data")
        try:
            with database.begin() as connection:
                connection.exec_driver_sql("SELECT * FROM jobs")
        except Exception as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=open_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@on_event_loop
async def test_failed_transaction_changes_nothing(database: Database) -> None:
    def fail(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT INTO executors (id, seen_at) VALUES ('a', 1)")
        raise KeyError

    with pytest.raises(KeyError):
        await database.run(fail)
    count = "SELECT COUNT(*) FROM executors"
    assert await database.run(lambda connection: connection.exec_driver_sql(count).scalar()) == 0


def test_database_that_cannot_be_reached_is_unavailable() -> None:
    # Nothing listens on the port of TCP's multiplexer.
    database = Database(Path(os.devnull), "postgresql://user:hemmelig@127.0.0.1:1/name")
    with pytest.raises(JobsUnavailableError) as caught, database.begin():
        pass
    assert caught.value.status == 503
    assert "hemmelig" not in caught.value.message


def test_url_of_another_database_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="postgresql://") as caught:
        Database(Path(), "mysql://user:hemmelig@host/name")
    assert "hemmelig" not in caught.value.message


def test_lock_of_a_data_folder_keeps_another_out(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "data"), FolderLock(tmp_path / "data")
    first.acquire()
    first.acquire()
    with pytest.raises(ConfigurationError, match="NORDLYD_DATA"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
