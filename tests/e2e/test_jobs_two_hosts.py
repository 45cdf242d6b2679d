"""Two hosts with one PostgreSQL and one storage share jobs; one of them is lost, and comes back.

The hosts are network namespaces, the database and the receiver of webhooks are in a third. The
storage is a folder of this machine that a host still reaches while its link is cut: the worst case
for what it may spoil.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from hosts import Host, network
from jobs_process import JobsProcess
from postgresql import postgresql
from sounds import as_wav, tones
from webhook_receiver import SECRET, Receiver, webhook_receiver

pytestmark = [pytest.mark.postgresql, pytest.mark.long, pytest.mark.timeout(300)]

LONG_SECONDS = 2100.0
"""A recording of four groups of windows: a host that is cut off keeps one more at most."""
_TAKEN_OVER_SECONDS = 60.0


@lru_cache
def recording(seconds: float) -> bytes:
    return as_wav(tones(0, seconds))


class Server:
    """The service on one host.

    Args:
        host: where it runs.
        settings: of the service.
        log: what it writes.
    """

    def __init__(self, host: Host, settings: dict[str, object], log: Path) -> None:
        self.host = host
        self.process = JobsProcess(settings, log, host=host)
        self.client = self.process.client()
        self._log = log

    def submit(self, seconds: float, **parameters: str) -> str:
        answer = self.client.post(
            "/jobs", content=recording(seconds), params=parameters, timeout=120
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"/jobs/{job}").json()
        return answer

    def count(self, event: str) -> int:
        """How many lines of its log have a text."""
        return self._log.read_text().count(event)

    def windows_encoded(self) -> float:
        metrics = self.client.get("/metrics").text
        return sum(map(float, re.findall(r"^nordlyd_batch_items_sum{.*} (.*)$", metrics, re.M)))

    def works(self) -> bool:
        try:
            return self.client.get("/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


Start = Callable[..., Sequence[Server]]


@pytest.fixture
def receiver_and_start(tmp_path: Path) -> Iterator[tuple[Receiver, Start]]:
    """A receiver of webhooks, and what starts the service on two hosts with a pace each."""
    with ExitStack() as stack:
        address, hosts = stack.enter_context(network(2))
        database = stack.enter_context(postgresql(address))
        receiver = stack.enter_context(webhook_receiver(host=address))
        settings: dict[str, object] = {
            "data": str(tmp_path / "data"), "database_url": database.url,
            "url_hosts": receiver.rule, "webhook_secret": SECRET, "batch_seconds": 60.0,
            "allowed_hosts": [host.address for host in hosts],
        }  # fmt: skip

        def start(*paces: float) -> Sequence[Server]:
            servers = []
            for number, (host, pace) in enumerate(zip(hosts, paces, strict=True)):
                server = Server(host, settings | {"pace": pace}, tmp_path / f"log-{number}")
                stack.callback(server.client.close)
                stack.callback(server.process.kill)
                servers.append(server)
            return servers

        yield receiver, start


def wait_until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    """Waits until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def groups_kept(data: Path, job: str) -> int:
    return len(list((data / "jobs" / job / "emissions").glob("*-*")))


def test_hosts_share_a_batch_of_jobs(receiver_and_start: tuple[Receiver, Start]) -> None:
    _, start = receiver_and_start
    servers = start(0.1, 0.1)
    jobs = [servers[0].submit(1.0) for _ in range(24)]
    for job in jobs:
        wait_until(lambda job=job: servers[1].job(job)["status"] == "completed")
    shares = [server.count("job completed") for server in servers]
    assert sum(shares) == len(jobs)
    assert min(shares) > 0


@pytest.mark.parametrize("loss", ["cut", "hang", "kill"])
def test_lost_host_gives_its_jobs_back_within_a_minute_and_ends_none_twice(
    receiver_and_start: tuple[Receiver, Start], tmp_path: Path, loss: str
) -> None:
    receiver, start = receiver_and_start
    lost, left = start(0.2, 0.2)
    job = lost.submit(LONG_SECONDS, webhook_url=receiver.url("/long"))
    wait_until(lambda: lost.windows_encoded() + left.windows_encoded() > 0)
    if left.windows_encoded():
        lost, left = left, lost
    wait_until(lambda: groups_kept(tmp_path / "data", job) >= 2)
    kept = groups_kept(tmp_path / "data", job)
    before = left.windows_encoded()

    {"cut": lost.host.cut, "hang": lost.process.hang, "kill": lost.process.kill}[loss]()
    wait_until(lambda: left.job(job)["status"] == "completed", _TAKEN_OVER_SECONDS)
    assert kept < 4
    # About 105 windows of 20 s besides their context, of which a group has 30: none of the groups
    # that were kept was encoded again.
    assert 0 < left.windows_encoded() - before < 110 - 30 * kept

    receiver.wait("/long")
    encoded = None
    if loss == "cut":
        lost.host.restore()
    elif loss == "hang":
        lost.process.wake()
    if loss != "kill":
        wait_until(lost.works)
        encoded = lost.windows_encoded()
        wait_until(lambda: lost.count("registers again") == 1)
        # It works on jobs again.
        others = [lost.submit(1.0) for _ in range(24)]
        for other in others:
            wait_until(lambda other=other: lost.job(other)["status"] == "completed")
        assert lost.count("job completed") > 0
        assert lost.windows_encoded() - encoded <= len(others)
    assert left.client.get(f"/jobs/{job}/events").text.count('"status":"completed"') == 1
    assert left.count(f'"{job}"') > 0
    assert len(receiver.at("/long")) == 1
    assert not receiver.errors


def test_host_that_hung_restores_nothing_of_an_erased_job(
    receiver_and_start: tuple[Receiver, Start], tmp_path: Path
) -> None:
    _, start = receiver_and_start
    lost, left = start(2.0, 2.0)
    job = lost.submit(LONG_SECONDS)
    wait_until(lambda: lost.windows_encoded() + left.windows_encoded() > 0)
    if left.windows_encoded():
        lost, left = left, lost
    lost.process.hang()
    wait_until(lambda: left.windows_encoded() > 0)
    assert left.client.delete(f"/jobs/{job}").status_code == 204
    wait_until(lambda: not list((tmp_path / "data" / "jobs").iterdir()))
    lost.process.wake()
    wait_until(lambda: lost.count("registers again") == 1)
    time.sleep(10)
    assert not list((tmp_path / "data" / "jobs").iterdir())
    assert lost.client.get(f"/jobs/{job}").status_code == 404
