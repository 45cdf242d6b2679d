"""Clients that send recordings to a cluster, and what they got."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from cluster_server import ClusterServer
from demo_model import DEMO, sample_texts

SPEECH = (DEMO / "samples" / "sample-1.flac").read_bytes()


@dataclass
class Load:
    """What clients got that sent one recording after the other."""

    answers: list[httpx.Response] = field(default_factory=list)

    @property
    def texts(self) -> Counter[str]:
        return Counter(each.json()["text"] for each in self.answers if each.status_code == 200)

    @property
    def errors(self) -> list[httpx.Response]:
        return [answer for answer in self.answers if answer.status_code != 200]


async def under_load(
    cluster: ClusterServer,
    event: Callable[[], Awaitable[object]],
    *,
    clients: int = 6,
    before: float = 1.0,
    after: float = 3.0,
) -> Load:
    """Sends recordings before, while and after something happens; every request is answered."""
    load = Load()
    stopping = asyncio.Event()

    async def send_all(client: httpx.AsyncClient) -> None:
        while not stopping.is_set():
            load.answers.append(await client.post("/transcribe", content=SPEECH))

    async with httpx.AsyncClient(base_url=cluster.address, timeout=120) as client:
        sending = [asyncio.create_task(send_all(client)) for _ in range(clients)]
        await asyncio.sleep(before)
        await event()
        await asyncio.sleep(after)
        stopping.set()
        await asyncio.gather(*sending)
    return load


def assert_answered(load: Load) -> None:
    """Asserts that each request has the transcript, or an error with which it may be retried."""
    assert set(load.texts) == {sample_texts()[0]}
    for answer in load.errors:
        assert answer.status_code == 503, answer.text
        assert float(answer.headers["retry-after"]) >= 0


def assert_shared_evenly(cluster: ClusterServer) -> None:
    """Sends recordings, and compares how many of them each replica had."""
    before = cluster.counts()
    load = asyncio.run(_send_evenly(cluster))
    after = cluster.counts()
    assert load.errors == []
    shares = [after[replica] - before[replica] for replica in after]
    assert sum(shares) == len(load.answers)
    assert max(shares) <= 1.1 * sum(shares) / 2, shares


async def _send_evenly(cluster: ClusterServer) -> Load:
    """Sends some recordings from each of a few clients."""
    load = Load()

    async def send_some(client: httpx.AsyncClient) -> None:
        for _ in range(15):
            load.answers.append(await client.post("/transcribe", content=SPEECH))

    async with httpx.AsyncClient(base_url=cluster.address, timeout=120) as client:
        await asyncio.gather(*(send_some(client) for _ in range(4)))
    return load
