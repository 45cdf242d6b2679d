"""Clients of the live protocols that send nothing: they are disconnected after the idle time."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from running import RunningServer
from troubles import troubles
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from wyoming.client import AsyncClient
from wyoming.error import Error

IDLE_SECONDS = 1

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def short_idle(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with a short idle time, and every protocol on."""
    settings = tiny_settings | {
        "VOSK_PORT": "0", "WYOMING_PORT": "0", "LIVE_IDLE_SECONDS": str(IDLE_SECONDS),
    }  # fmt: skip
    running = RunningServer(tmp_path_factory.mktemp("short_idle"), settings)
    yield running.wait_ready()
    assert running.stop() == 0
    assert troubles(running.log) == []


def last_error(address: str, *messages: str | bytes) -> tuple[dict[str, object], int]:
    """Sends some messages and then nothing; returns the last message's error and the close code."""
    with connect(address) as client:
        for message in messages:
            client.send(message)
        received = []
        with suppress(ConnectionClosed):
            while True:
                received.append(json.loads(client.recv(30)))
    assert client.close_code is not None
    return received[-1]["error"], client.close_code


@pytest.mark.parametrize("messages", [[], [bytes(3200)]], ids=["nothing", "audio"])
def test_silent_vosk_client_is_disconnected(
    short_idle: RunningServer, messages: list[bytes]
) -> None:
    error, code = last_error(short_idle.vosk, *messages)
    assert (error["code"], code) == ("stream_idle", 1008)
    assert "NORDLYD_LIVE_IDLE_SECONDS" in str(error["message"])


@pytest.mark.parametrize("audio", ["", "AAAA" * 800], ids=["nothing", "audio"])
def test_silent_realtime_client_is_disconnected(short_idle: RunningServer, audio: str) -> None:
    address = short_idle.address.replace("http", "ws", 1) + "/v1/realtime?intent=transcription"
    append = json.dumps({"type": "input_audio_buffer.append", "audio": audio})
    error, code = last_error(address, *([append] if audio else []))
    assert (error["code"], code) == ("stream_idle", 1008)
    assert "NORDLYD_LIVE_IDLE_SECONDS" in str(error["message"])


def test_silent_wyoming_client_is_disconnected(short_idle: RunningServer) -> None:
    async def run() -> tuple[Error, bool]:
        async with AsyncClient.from_uri(short_idle.wyoming, read_timeout=30) as client:
            event = await client.read_event()
            assert event is not None
            return Error.from_event(event), await client.read_event() is None

    error, ended = asyncio.run(run())
    assert error.code == "stream_idle"
    assert ended
