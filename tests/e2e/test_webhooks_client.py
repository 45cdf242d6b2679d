"""The webhooks of jobs in the Python client, called and awaited, and on the command line."""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import NORDLYD, RunningServer, environment
from webhook_receiver import SECRET, Receiver, webhook_receiver

from nordlyd_client import AsyncClient, Client
from nordlyd_client.errors import ClientError

Clip = Callable[..., bytes]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def sending(
    tiny_settings: dict[str, str], receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that may send to the receiver."""
    settings = tiny_settings | {"URL_HOSTS": receiver.rule, "WEBHOOK_SECRET": SECRET}
    running = RunningServer(tmp_path_factory.mktemp("sending"), settings)
    yield running.wait_ready()
    assert running.stop() == 0


def submitted(client: Client, audio: bytes, url: str | None) -> str:
    """The id of a job that has ended."""
    job = client.jobs.submit(audio, language="nb", webhook_url=url)
    assert client.jobs.wait(job.id, timeout=60).status == "completed"
    return job.id


def wait_until(client: Client, job: str, state: str) -> None:
    until = time.monotonic() + 30
    while (found := client.jobs.webhooks(job)).deliveries[0].state != state:
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_client_shows_and_repeats_webhooks(
    sending: RunningServer, receiver: Receiver, clip: Clip
) -> None:
    receiver.statuses["/client"] = [410, 200]
    with Client(sending.address) as client:
        job = submitted(client, clip(), receiver.url("/client"))
        wait_until(client, job, "failed")
        (delivery,) = client.jobs.webhooks(job, repeat=True).deliveries
        assert delivery.state == "pending"
        wait_until(client, job, "delivered")
        plain = submitted(client, clip(1), None)
        assert client.jobs.webhooks(plain).deliveries == ()
        with pytest.raises(ClientError, match="webhook_url"):
            client.jobs.webhooks(plain, repeat=True)

    async def awaited() -> None:
        async with AsyncClient(sending.address) as client:
            found = await client.jobs.webhooks(job)
            assert [each.id for each in found.deliveries] == [delivery.id]

    asyncio.run(awaited())
    assert {each.id for each in receiver.wait("/client", 2)} == {delivery.id}


def nordlyd(server: RunningServer, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NORDLYD, "jobs", "webhooks", *arguments, "--server", server.address],
        env=environment({}), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_command_shows_and_repeats_webhooks(
    sending: RunningServer, receiver: Receiver, clip: Clip
) -> None:
    with Client(sending.address) as client:
        job = submitted(client, clip(2), receiver.url("/command"))
        wait_until(client, job, "delivered")
        shown = nordlyd(sending, job)
        assert shown.returncode == 0, shown.stderr
        lines = dict(line.split(": ", 1) for line in shown.stdout.splitlines())
        assert (lines["state"], lines["attempts"], lines["last_status"]) == (
            "delivered",
            "1",
            "200",
        )
        repeated = nordlyd(sending, job, "--repeat", "--json")
        assert json.loads(repeated.stdout)["id"] == lines["id"]
        assert len(receiver.wait("/command", 2)) == 2
        none = nordlyd(sending, submitted(client, clip(3), None))
        assert (none.returncode, none.stdout) == (0, "")
        assert "no webhook" in none.stderr
    unknown = nordlyd(sending, f"job_{32 * '0'}")
    assert unknown.returncode == 1
    assert "There is no job" in unknown.stderr
