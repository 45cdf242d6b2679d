"""The ports of live protocols: full, draining and stopped, beside the HTTP one."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from running import RunningServer
from test_wyoming import audio, replies_to
from troubles import troubles
from vosk_client import TEXTS, chunks, speech, text_of
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe

CONFIG = '{"config": {"sample_rate": 16000}}'


def begin(connection: ClientConnection, parts: list[bytes]) -> None:
    """Sends the first words of a sample."""
    connection.send(CONFIG)
    for part in parts:
        connection.send(part)
        assert text_of([connection.recv(60)]) == ""


def assert_ended(connection: ClientConnection) -> None:
    """Checks that a client gets its last words, then the reason why none follow."""
    words = connection.recv(60)
    assert TEXTS[0].startswith(text_of([words]).split()[0])
    assert json.loads(connection.recv(60))["error"]["code"] == "draining"
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(60)
    assert closed.value.rcvd.code == 1012


def vosk_refuses(server: RunningServer) -> str:
    with connect(server.vosk) as late:
        late.send(b"\0\0")
        error = json.loads(late.recv(60))["error"]
        with pytest.raises(ConnectionClosed) as closed:
            late.recv(60)
    assert closed.value.rcvd.code == (1012 if error["code"] == "draining" else 1013)
    return str(error["code"])


async def wyoming_refuses(server: RunningServer, *events: Event) -> str | None:
    async with AsyncClient.from_uri(server.wyoming, read_timeout=60) as late:
        (error,) = await replies_to(late, *events)
    return Error.from_event(error).code


@pytest.mark.long
def test_streams_are_bounded_and_a_drain_sends_their_last_words(tmp_path: Path) -> None:
    settings = {
        "MODELS": "demo-nb",
        "VOSK_PORT": "0",
        "WYOMING_PORT": "0",
        "LIVE_STREAMS": "3",
        "DRAIN_SECONDS": "100",
    }
    server = RunningServer(tmp_path, settings).wait_ready()
    start, *spoken, stop = audio(speech().tobytes())
    parts = chunks(speech().tobytes(), 16_000)

    async def keep_sending(client: AsyncClient) -> None:
        for event in (start, *spoken[:20]):
            await client.write_event(event)
        answer = await client.read_event()
        assert answer is not None
        assert answer.type == "transcript-start"

    async def life() -> None:
        with connect(server.vosk) as first, connect(server.vosk) as second:
            async with AsyncClient.from_uri(server.wyoming, read_timeout=60) as speaking:
                begin(first, parts[:3])
                begin(second, parts[:3])
                await keep_sending(speaking)
                assert vosk_refuses(server) == "queue_full"
                assert await wyoming_refuses(server, *audio(bytes(8_000))) == "queue_full"
                server.signal_stop()
                with server.client() as http:
                    end = time.monotonic() + 30
                    while http.get("/health/ready").status_code == 200:
                        assert time.monotonic() < end
                # No new stream begins; the last words are sent, then the reason why none follow.
                assert vosk_refuses(server) == "draining"
                assert await wyoming_refuses(server, Describe().event()) == "draining"
                assert await wyoming_refuses(server, *audio(bytes(8_000))) == "draining"
                for client in (first, second):
                    assert_ended(client)
                *pieces, last = await replies_to(speaking, *spoken[20:], stop)
                assert {event.type for event in pieces} == {"transcript-chunk"}
                assert Error.from_event(last).code == "draining"

    try:
        asyncio.run(life())
        assert server.process.wait(60) == 0
    finally:
        server.stop()
    assert troubles(server.log) == []
