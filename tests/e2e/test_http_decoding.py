"""Requests whose text takes long to decode: they end in time, and others do not wait for them."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import audio_samples
import httpx
import numpy as np
import psutil
import pytest
from running import RunningServer

# The widest search that is allowed, on noise: minutes of work on any machine.
SLOW = {
    "decoder": "beam",
    "beam_width": "2000",
    "prune_logp": "-1000",
    "min_token_logp": "-40",
}


@pytest.fixture(scope="module")
def noise() -> bytes:
    """Two minutes of it."""
    samples = np.random.default_rng(0).normal(scale=0.2, size=120 * 16_000)
    return audio_samples.wav(audio_samples.pcm16(samples), rate=16_000)


@contextmanager
def sent(server: RunningServer, body: bytes) -> Iterator[socket.socket]:
    """A connection on which a slow request was sent, and that is closed at the end."""
    url = httpx.URL(server.address)
    query = httpx.QueryParams(SLOW)
    head = (
        f"POST /transcribe?{query} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\n"
        f"Content-Type: audio/wav\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        yield connection


@pytest.mark.long
def test_deadline_is_kept_while_text_is_decoded(client: httpx.Client, noise: bytes) -> None:
    fields = SLOW | {"timeout": "8"}
    answer = client.post("/transcribe", data=fields, files={"file": ("noise.wav", noise)})
    assert answer.status_code == 504, answer.text[:200]
    error = answer.json()["error"]
    assert error["code"] == "deadline_exceeded"
    assert "while its text was being decoded" in error["message"]


def test_clip_does_not_wait_for_slow_requests(
    server: RunningServer, client: httpx.Client, noise: bytes, clip
) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(sent(server, noise)) for _ in range(4)]
        for _ in range(3):
            answer = client.post("/transcribe?decoder=beam", files={"file": clip()})
            assert answer.status_code == 200
        assert select.select(slow, [], [], 0)[0] == []


@pytest.mark.long
def test_disconnect_cancels_text_decoding(server: RunningServer, noise: bytes) -> None:
    process = psutil.Process(server.process.pid)

    def busy(seconds: float) -> float:
        """Processor time that the service takes meanwhile, as a share of one core."""
        before = sum(process.cpu_times()[:2])
        time.sleep(seconds)
        return (sum(process.cpu_times()[:2]) - before) / seconds

    with ExitStack() as stack:
        slow = [stack.enter_context(sent(server, noise)) for _ in range(2)]
        until = time.monotonic() + 60
        while process.num_threads() and busy(0.5) > 0.3 and time.monotonic() < until - 50:
            assert select.select(slow, [], [], 0)[0] == []
    while busy(0.5) > 0.1:
        assert time.monotonic() < until, "the work of clients that left continues"
