"""`kill -9` at each step of a job: it completes once, with the same result and one webhook id."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from jobs_process import JobsProcess
from sounds import as_wav, tones
from webhook_receiver import SECRET, webhook_receiver

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

# Two groups of windows.
_AUDIO = as_wav(tones(0, 700.0))
_SLOW = {"pace": 1.0}
# An error of the database holds a process at a step, which it repeats.
_HOLD_AT_END = """CREATE TRIGGER hold BEFORE UPDATE OF status ON jobs
    WHEN NEW.status = 'completed' BEGIN SELECT json('held'); END"""
_HOLD_BEFORE_WEBHOOK = """CREATE TRIGGER hold BEFORE UPDATE OF claimed_until ON webhook_deliveries
    BEGIN SELECT json('held'); END"""


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Service:
    """The service, which is started and killed again and again on one data folder.

    Args:
        folder: has the data folder and the log.
        settings: of the service.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        self._settings = settings | {"data": str(self.data)}

    @contextmanager
    def running(self, **more: object) -> Iterator[httpx.Client]:
        """Starts it; kills it at the end of the context."""
        process = JobsProcess(self._settings | more, self.log)
        try:
            with process.client() as client:
                yield client
        finally:
            process.kill()

    def execute(self, statement: str) -> None:
        """Changes the database while the service is not running."""
        with closing(sqlite3.connect(self.data / "nordlyd.db")) as connection, connection:
            connection.execute(statement)

    def logged(self) -> str:
        return self.log.read_text()


def encoded(client: httpx.Client) -> bool:
    """Whether the process has encoded windows since its start."""
    return bool(re.search(r"^nordlyd_batch_items_sum{.*} [1-9]", client.get("/metrics").text, re.M))


def complete(client: httpx.Client, job: str) -> dict[str, Any]:
    """The result of a job, without its id and what it took."""
    assert client.get(f"/jobs/{job}?wait=60").json()["status"] == "completed"
    result: dict[str, Any] = client.get(f"/jobs/{job}/result").json()
    assert result.pop("request_id") == job
    del result["timing"]
    return result


def test_job_killed_at_each_step_completes_once(tmp_path: Path) -> None:
    with webhook_receiver() as receiver:
        service = Service(tmp_path, {"webhook_secret": SECRET, "url_hosts": receiver.rule})
        with service.running(pace=0.0) as client:
            job = client.post("/jobs", content=_AUDIO).json()["id"]
            expected = complete(client, job)

        with service.running(**_SLOW) as client:
            params = {"webhook_url": receiver.url("/done")}
            job = client.post("/jobs", content=_AUDIO, params=params).json()["id"]
            # Its recording is received.
        folder = service.data / "jobs" / job
        assert (folder / "audio").exists()

        def groups() -> int:
            return len(list(folder.glob("emissions/[!.]*")))

        with service.running(**_SLOW) as client:
            until(lambda: encoded(client))
            # Its audio is decoded.
        assert groups() == 0

        with service.running(pace=0.1):
            until(groups)
            # Between two groups of windows.
        assert groups() == 1

        with service.running(**_SLOW) as client:
            until(lambda: encoded(client))
            result = folder / "result.json"
            result.mkdir()
            before = service.logged().count("a job is interrupted")
            until(lambda: service.logged().count("a job is interrupted") > before)
            # Its text is decoded, and its result cannot be written.
        assert groups() == 2
        result.rmdir()

        service.execute(_HOLD_AT_END)
        with service.running(pace=0.0) as client:
            until(result.exists)
            assert client.get(f"/jobs/{job}").json()["status"] == "processing"
            # Its result is written.
        service.execute("DROP TRIGGER hold")

        service.execute(_HOLD_BEFORE_WEBHOOK)
        with service.running(pace=0.0) as client:
            until(lambda: client.get(f"/jobs/{job}").json()["status"] == "completed")
            # After its result, and before its webhook.
        service.execute("DROP TRIGGER hold")
        assert not receiver.at("/done")

        with service.running(pace=0.0) as client:
            message, *others = receiver.wait("/done")
            assert complete(client, job) == expected
            [delivery] = client.get(f"/jobs/{job}/webhooks").json()["deliveries"]
            assert {delivery["id"]} == {each.id for each in (message, *others)}
            assert client.get(f"/jobs/{job}/events").text.count('"status":"completed"') == 1
