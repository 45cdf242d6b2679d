"""Messages of live clients that would block other clients, or break the parsers."""

import asyncio
import json
import threading
import time
from contextlib import suppress

import httpx
import numpy as np
import psutil
import pytest
from live import converse, live_url
from running import RunningServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from wyoming.audio import AudioChunk, AudioStart
from wyoming.client import AsyncClient
from wyoming.error import Error

DEEP = "[" * 100_000


def memory(server: RunningServer) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


class Watch:
    """Polls the server; `slowest` is the longest response time."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self.slowest = 0.0
        self._thread = threading.Thread(target=self._poll)

    def _poll(self) -> None:
        with self._server.client() as client:
            while not self._stop.wait(0.05):
                started = time.monotonic()
                assert client.get("/health/live").status_code == 200
                self.slowest = max(self.slowest, time.monotonic() - started)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_message_with_hours_of_audio_is_refused_at_once(demos: RunningServer) -> None:
    before = memory(demos)
    url = live_url(demos, language="nb", rate=1000, encoding="mulaw")
    with Watch(demos) as watch:
        log = asyncio.run(converse(url, [bytes(16 * 2**20 - 1)]))
    assert (log.closed, log.error["code"]) == (1008, "too_large")
    assert "NORDLYD_LIVE_MESSAGE_SECONDS" in log.error["message"]
    assert memory(demos) - before < 2**28
    # Once it was 6.3 s.
    assert watch.slowest < 3


def test_long_message_within_the_limit_is_transcribed(demos: RunningServer) -> None:
    before = memory(demos)
    samples = np.zeros(300 * 1000, np.int16)
    with Watch(demos) as watch:
        log = asyncio.run(
            converse(
                live_url(demos, language="nb", rate=1000),
                [samples.tobytes(), {"type": "end"}],
            )
        )
    assert log.closed == 1000
    assert log.of("end")[0]["duration"] == pytest.approx(300, abs=0.1)
    assert memory(demos) - before < 2**28
    assert watch.slowest < 3


def test_wyoming_chunks_are_bounded_in_seconds(demos: RunningServer) -> None:
    before = memory(demos)
    form = {"rate": 1000, "width": 2, "channels": 1}

    async def speak() -> Error:
        async with AsyncClient.from_uri(demos.wyoming, read_timeout=60) as client:
            await client.write_event(AudioStart(**form).event())
            for _ in range(10):
                await client.write_event(AudioChunk(audio=bytes(4_000_000), **form).event())
            while (event := await client.read_event()) is not None:
                if Error.is_type(event.type):
                    return Error.from_event(event)
        raise AssertionError("no error")

    assert asyncio.run(speak()).code == "too_large"
    assert memory(demos) - before < 2**28


def test_deeply_nested_json_is_refused_on_every_port(demos: RunningServer) -> None:
    for address in (live_url(demos, language="nb"), demos.vosk):
        with connect(address) as live:
            live.send(DEEP)
            messages = []
            with suppress(ConnectionClosed):
                messages += (json.loads(message) for message in iter(lambda: live.recv(20), None))
            assert messages[-1]["error"]["code"] == "invalid_request"
            assert live.close_code == 1008
    realtime = demos.address.replace("http", "ws", 1) + "/v1/realtime?intent=transcription"
    with connect(realtime) as theirs:
        theirs.recv(20)
        theirs.send(DEEP)
        assert json.loads(theirs.recv(20))["error"]["code"] == "invalid_request"
    url = httpx.URL(demos.wyoming.replace("tcp", "http"))

    async def wyoming() -> bytes:
        reader, writer = await asyncio.open_connection(url.host, url.port)
        # Within the length of a line, and as the data of an event.
        data = DEEP[:60_000].encode()
        writer.write(b'{"type":"transcribe","data_length":%d}\n' % len(data) + data)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return answer

    assert b'"invalid_request"' in asyncio.run(wyoming())
    listened = httpx.post(
        f"{demos.address}/v1/listen",
        content=DEEP[:60_000],
        headers={"content-type": "application/json"},
    )
    assert listened.status_code == 400
