"""A webhook whose database goes away between the end of the job and the first attempt."""

import time
from pathlib import Path

import psycopg
import pytest
from jobs_process import JobsProcess
from postgresql import PostgreSQL, postgresql
from sounds import as_wav, tones
from webhook_receiver import SECRET, webhook_receiver

pytestmark = [pytest.mark.postgresql, pytest.mark.long, pytest.mark.timeout(300)]

# An error of the database holds the process between the two, as it repeats the second.
_HOLD = (
    "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'held'; END $$",
    "CREATE TRIGGER hold BEFORE UPDATE OF claimed_until ON webhook_deliveries "
    "FOR EACH ROW EXECUTE FUNCTION hold()",
)


def execute(server: PostgreSQL, *statements: str) -> None:
    with psycopg.connect(server.url) as connection:
        for statement in statements:
            connection.execute(statement)


def test_webhook_comes_once_the_database_is_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with postgresql() as server, webhook_receiver() as receiver:
        process = JobsProcess(
            {
                "data": str(tmp_path / "data"), "database_url": server.url,
                "webhook_secret": SECRET, "url_hosts": receiver.rule,
            },
            log,
        )  # fmt: skip
        try:
            with process.client() as client:
                assert client.get("/jobs").status_code == 200
                execute(server, *_HOLD)
                job = client.post(
                    "/jobs",
                    content=as_wav(tones(0, 1.0)),
                    params={"webhook_url": receiver.url("/done")},
                ).json()["id"]
                assert client.get(f"/jobs/{job}?wait=60").json()["status"] == "completed"
                server.stop()
                until = time.monotonic() + 60
                while "The database of jobs cannot be used now." not in log.read_text():
                    assert time.monotonic() < until
                    time.sleep(0.05)
                assert not receiver.at("/done")
                server.start()
                execute(server, "DROP TRIGGER hold ON webhook_deliveries")
                message, *others = receiver.wait("/done", seconds=60)
                assert not others
                assert message.content["data"] == {"id": job, "status": "completed"}
                [delivery] = client.get(f"/jobs/{job}/webhooks").json()["deliveries"]
                assert delivery["id"] == message.id
        finally:
            process.kill()
