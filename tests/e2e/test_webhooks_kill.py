"""A webhook whose service is killed between two attempts: it is delivered after the next start."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from jobs_process import JobsProcess
from postgresql import postgresql
from sounds import as_wav, tones
from webhook_receiver import SECRET, Receiver, webhook_receiver

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def settings(
    request: pytest.FixtureRequest, receiver: Receiver, tmp_path: Path
) -> Iterator[dict[str, object]]:
    """The settings of a service on either database."""
    given: dict[str, object] = {
        "data": str(tmp_path / "data"), "url_hosts": receiver.rule, "webhook_secret": SECRET,
    }  # fmt: skip
    if request.param == "sqlite":
        yield given
        return
    with postgresql() as server:
        yield given | {"database_url": server.url}


def wait_for_state(client: httpx.Client, job: str, state: str, attempts: int) -> None:
    until = time.monotonic() + 60
    while True:
        found = client.get(f"/jobs/{job}/webhooks").json()["deliveries"]
        if found and (found[0]["state"], found[0]["attempts"]) == (state, attempts):
            return
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_delivery_survives_kill_between_attempts(
    settings: dict[str, object], receiver: Receiver, tmp_path: Path
) -> None:
    receiver.statuses["/done"] = [503, 200]
    log = tmp_path / "log"
    first = JobsProcess(settings, log)
    try:
        with first.client() as client:
            made = client.post(
                "/jobs",
                content=as_wav(tones(0, 1.5)),
                params={"webhook_url": receiver.url("/done")},
            )
            assert made.status_code == 202, made.text
            job = made.json()["id"]
            wait_for_state(client, job, "pending", 1)
    finally:
        first.kill()
    assert len(receiver.at("/done")) == 1
    second = JobsProcess(settings, log)
    try:
        with second.client() as client:
            wait_for_state(client, job, "delivered", 2)
    finally:
        second.kill()
    before, after = receiver.wait("/done", 2)
    assert before.id == after.id
    assert after.content["data"] == {"id": job, "status": "completed"}
