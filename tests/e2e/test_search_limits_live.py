"""The operator's bounds on search options, on every protocol of live audio."""

import asyncio
import json
from collections.abc import Iterator

import pytest
import websockets
from live import converse, live_url
from running import RunningServer
from websockets.sync.client import connect
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient

pytestmark = pytest.mark.long

TOO_MANY = "2 hotwords; accepted: at most 1 (NORDLYD_MAX_HOTWORDS)"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that takes one hotword."""
    settings = {
        "MODELS": "demo-nb",
        "MAX_HOTWORDS": "1",
        "VOSK_PORT": "0",
        "WYOMING_PORT": "0",
    }
    running = RunningServer(tmp_path_factory.mktemp("limited"), settings)
    yield running.wait_ready()
    assert running.stop() == 0


def test_stream_beyond_the_bound_is_refused(limited: RunningServer) -> None:
    received = asyncio.run(converse(live_url(limited, language="nb", hotwords="a,b"), []))
    assert (received.error["code"], received.error["param"]) == ("invalid_request", "hotwords")
    assert TOO_MANY in received.error["message"]


def test_vosk_phrases_beyond_the_bound_are_refused(limited: RunningServer) -> None:
    with connect(limited.vosk) as connection:
        connection.send(json.dumps({"config": {"phrase_list": ["en", "to"], "sample_rate": 16000}}))
        assert TOO_MANY in json.loads(connection.recv(60))["error"]["message"]


def test_wyoming_uses_as_many_names_as_are_allowed(limited: RunningServer) -> None:
    async def run() -> list[str]:
        async with AsyncClient.from_uri(limited.wyoming, read_timeout=60) as client:
            transcribe = Transcribe(language="nb").event()
            transcribe.data["transcript_names"] = ["en", "to"]
            await client.write_event(transcribe)
            form = {"rate": 16_000, "width": 2, "channels": 1}
            await client.write_event(AudioStart(**form).event())
            await client.write_event(AudioChunk(audio=bytes(3_200), **form).event())
            await client.write_event(AudioStop().event())
            kinds: list[str] = []
            while not kinds or kinds[-1] not in {"transcript-stop", "error"}:
                event = await client.read_event()
                assert event is not None
                kinds.append(event.type)
            return kinds

    assert asyncio.run(run()) == ["transcript-start", "transcript", "transcript-stop"]


def test_realtime_keywords_beyond_the_bound_are_refused(limited: RunningServer) -> None:
    async def run() -> str:
        address = limited.address.replace("http", "ws", 1)
        async with websockets.connect(f"{address}/v1/realtime?intent=transcription") as socket:
            audio = {"transcription": {"language": "nb", "keywords": ["en", "to"]}}
            session = {"type": "transcription", "audio": {"input": audio}}
            await socket.send(json.dumps({"type": "session.update", "session": session}))
            async with asyncio.timeout(60):
                while (event := json.loads(await socket.recv()))["type"] != "error":
                    pass
            return str(event["error"]["message"])

    assert TOO_MANY in asyncio.run(run())
