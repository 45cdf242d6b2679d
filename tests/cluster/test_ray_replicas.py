"""Replicas under load: they share it, die, hang, are replaced, and become more."""

import asyncio
import signal

import httpx
import pytest
from cluster_load import assert_answered, assert_shared_evenly, under_load
from cluster_server import ClusterServer, wait_for
from demo_model import sample_texts
from live import StreamLog, live_url, pieces, receive, sample
from sounds import as_wav, tones
from websockets.asyncio.client import connect

pytestmark = pytest.mark.ray


def test_two_replicas_share_a_load_evenly(cluster: ClusterServer) -> None:
    cluster.wait_for_replicas(2)
    assert_shared_evenly(cluster)


def test_requests_of_a_killed_replica_are_answered_by_another(cluster: ClusterServer) -> None:
    cluster.wait_for_replicas(2)
    killed = cluster.replicas()[0]

    async def kill() -> None:
        killed.send_signal(signal.SIGKILL)

    load = asyncio.run(under_load(cluster, kill))
    assert_answered(load)
    cluster.wait_for_replicas(2)


def test_rolling_update_drops_nothing(cluster: ClusterServer) -> None:
    cluster.wait_for_replicas(2)
    former = {process.pid for process in cluster.replicas()}

    async def redeploy() -> None:
        await asyncio.to_thread(cluster.redeploy)

    load = asyncio.run(under_load(cluster, redeploy, clients=3))
    assert load.errors == []
    assert set(load.texts) == {sample_texts()[0]}
    cluster.wait_for_replicas(2)
    assert former.isdisjoint(process.pid for process in cluster.replicas())


def test_hanging_replica_is_replaced(cluster: ClusterServer) -> None:
    cluster.wait_for_replicas(2)
    hanging = cluster.replicas()[0]

    async def hang() -> None:
        hanging.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(wait_for, lambda: not hanging.is_running(), seconds=120)

    load = asyncio.run(under_load(cluster, hang, clients=2))
    assert_answered(load)
    cluster.wait_for_replicas(2)


def test_queued_audio_starts_another_replica(cluster: ClusterServer) -> None:
    cluster.wait_for_replicas(2)
    long = as_wav(tones(0, 120.0))

    async def run() -> list[int]:
        async with httpx.AsyncClient(base_url=cluster.address, timeout=200) as client:
            sending = [
                asyncio.create_task(client.post("/transcribe", content=long)) for _ in range(16)
            ]
            await asyncio.to_thread(wait_for, lambda: len(cluster.replicas()) == 3, seconds=60)
            return [(await each).status_code for each in sending]

    assert asyncio.run(run()) == [200] * 16
    cluster.wait_for_replicas(2)


def test_live_stream_of_a_killed_replica_ends_with_an_error_and_begins_anew(
    cluster: ClusterServer,
) -> None:
    cluster.wait_for_replicas(2)
    url = live_url(cluster, encoding="s16le", rate=16000)

    async def run() -> tuple[StreamLog, StreamLog, StreamLog]:
        log = StreamLog()
        async with connect(url) as socket:
            await receive(socket, log, until="ready")
            session = log.messages[0]["session"]
            for piece in pieces(sample(1).tobytes()[:96_000]):
                await socket.send(piece)
            await receive(socket, log, until="partial")
            for process in cluster.replicas():
                process.send_signal(signal.SIGKILL)
            await receive(socket, log)
        resumed = StreamLog()
        cluster.wait_for_replicas(2)
        async with connect(f"{url}&session={session}") as socket:
            await receive(socket, resumed)
        anew = StreamLog()
        async with connect(url) as socket:
            for piece in pieces(sample(1).tobytes()):
                await socket.send(piece)
            await socket.send('{"type": "end"}')
            await receive(socket, anew)
        return log, resumed, anew

    log, resumed, anew = asyncio.run(run())
    assert (log.error["code"], log.closed) == ("replica_lost", 1013)
    assert log.of("final") == []
    assert (resumed.error["param"], resumed.closed) == ("session", 1008)
    assert anew.text == sample_texts()[0]


def test_live_stream_continues_at_its_replica_after_a_lost_connection(
    cluster: ClusterServer,
) -> None:
    cluster.wait_for_replicas(2)
    url = live_url(cluster, encoding="s16le", rate=16000)
    data = sample(1).tobytes()

    async def run() -> StreamLog:
        first, second = StreamLog(), StreamLog()
        socket = await connect(url)
        await receive(socket, first, until="ready")
        await socket.send(data[:64_000])
        await receive(socket, first, until="partial")
        socket.transport.abort()
        await asyncio.sleep(1)
        async with connect(f"{url}&session={first.messages[0]['session']}&after=-1") as again:
            await receive(again, second, until="ready")
            received = second.messages[0]["received"]
            await again.send(data[round(received * 32_000) :])
            await again.send('{"type": "end"}')
            await receive(again, second)
        return second

    second = asyncio.run(run())
    assert second.messages[0]["received"] == 2.0
    assert second.text == sample_texts()[0]
    assert second.closed == 1000


def test_stopping_replica_sends_the_last_words_of_its_streams(cluster: ClusterServer) -> None:
    cluster.wait_for_replicas(2)
    url = live_url(cluster, encoding="s16le", rate=16000)

    async def run() -> StreamLog:
        log = StreamLog()
        async with connect(url) as socket:
            await socket.send(sample(1).tobytes())
            await receive(socket, log, until="partial")
            # New replicas come first, which takes as long as a start.
            await asyncio.to_thread(cluster.redeploy)
            await receive(socket, log)
        return log

    log = asyncio.run(run())
    assert log.text == sample_texts()[0]
    assert (log.error["code"], log.closed) == ("draining", 1012)
