"""Hundreds of requests of all kinds leak neither memory nor files nor threads."""

import socket
import time
from dataclasses import dataclass
from itertools import pairwise

import httpx
import psutil
import pytest
from running import RunningServer, wait_until_idle
from sounds import as_wav, tones
from websockets.sync.client import connect

ROUNDS = 4
REPEATED = 10
CLIP = as_wav(tones(0, 6.0))
# Half of what a round would leave if only the three clips that are decoded were kept as they came.
ALLOWED_BYTES = REPEATED * 3 * len(CLIP) // 2


@dataclass(frozen=True, slots=True)
class Held:
    """The resources of a process."""

    memory: int
    threads: int
    files: int


def held(process: psutil.Process) -> Held:
    return Held(process.memory_info().rss, process.num_threads(), process.num_fds())


def settled(process: psutil.Process, client: httpx.Client, target: Held | None = None) -> Held:
    """Its resources once all requests are answered and dropped connections are detected."""
    wait_until_idle(client)
    until = time.monotonic() + 10
    now = held(process)
    while target and now.files > target.files and time.monotonic() < until:
        time.sleep(0.1)
        now = held(process)
    return now


def one_of_each(server: RunningServer, client: httpx.Client, authorised: dict[str, str]) -> None:
    """Requests that succeed, that are refused, that break off, and that are live."""
    form = {"file": ("a.wav", CLIP)}
    assert client.post("/transcribe", content=CLIP).status_code == 200
    assert client.post("/transcribe", files=form, data={"n_best": "3"}).status_code == 200
    assert client.post("/transcribe", files=form, data={"nope": "1"}).status_code == 400
    assert client.post("/transcribe", content=CLIP[:1_000]).status_code == 422
    assert client.post("/transcribe?timeout=0.0001", content=CLIP).status_code == 504
    assert client.get("/nope").status_code == 404
    url = httpx.URL(server.address)
    for sent in (CLIP, CLIP[:50_000]):
        with socket.create_connection((url.host, url.port), timeout=20) as connection:
            head = (
                f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(CLIP)}\r\n"
            )
            key = f"Authorization: {authorised['authorization']}\r\n\r\n"
            connection.sendall((head + key).encode() + sent)
    live = f"{server.address.replace('http', 'ws')}/stream?language=nb"
    with connect(live, additional_headers=authorised) as talk:
        talk.send(CLIP[44:])
        talk.close_socket()


@pytest.mark.long
def test_hundreds_of_requests_leak_nothing(
    server: RunningServer, client: httpx.Client, authorised: dict[str, str]
) -> None:
    process = psutil.Process(server.process.pid)
    seen: list[Held] = []
    for _ in range(1 + ROUNDS):
        for _ in range(REPEATED):
            one_of_each(server, client, authorised)
        seen.append(settled(process, client, seen[0] if seen else None))
    assert seen[-1].threads <= seen[0].threads + 2
    assert seen[-1].files <= seen[0].files + 2
    # What leaks grows in every round; an allocator may take another piece in any of them.
    grown = [after.memory - before.memory for before, after in pairwise(seen)]
    assert min(grown) <= ALLOWED_BYTES, grown
