"""NORDLYD_REDACT on live audio, over every protocol: masked, and without partial results."""

import asyncio
import json
from collections.abc import Iterator

import numpy as np
import pytest
from demo_model import sample_texts
from live import StreamLog, live_url, pieces, receive, sample, silence
from realtime_session import TRANSCRIPTION, pcm, talking
from running import RunningServer
from test_wyoming import audio, on, replies_to, speech, transcript
from vosk_client import talk
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_now

TEXT = sample_texts()[1]
WORD = "kraftig"
MASKED = TEXT.replace(WORD, "[navn]")
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:connect.. must be used as:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def masking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("masking")
    (folder / "names.txt").write_text(WORD)
    settings = {
        "MODELS": "demo-nb", "REDACT": "names", "REDACT_NAMES": str(folder / "names.txt"),
        "VOSK_PORT": "0", "WYOMING_PORT": "0",
    }  # fmt: skip
    running = RunningServer(folder, settings)
    yield running.wait_ready()
    assert running.stop() == 0


def test_stream_is_masked(masking: RunningServer) -> None:
    async def run() -> StreamLog:
        log = StreamLog()
        async with connect(live_url(masking, partials="true", n_best=3)) as socket:
            for samples in (sample(2), silence(1.0), sample(2)):
                for piece in pieces(samples.tobytes(), 16_000):
                    await socket.send(piece)
            await socket.send('{"type": "end"}')
            return await receive(socket, log)

    log = asyncio.run(run())
    assert log.text == f"{MASKED} {MASKED}"
    assert log.of("partial") == []
    assert WORD not in json.dumps(log.messages)


@pytest.mark.parametrize("alternatives", [0, 3])
def test_vosk_is_masked(masking: RunningServer, alternatives: int) -> None:
    data = np.concatenate([sample(2), silence(1.0), sample(2), silence(1.0)]).tobytes()
    config = json.dumps({"config": {"sample_rate": 16_000, "max_alternatives": alternatives}})
    with connect_now(masking.vosk) as client:
        replies = talk(client, [config, *pieces(data, 16_000), '{"eof" : 1}'])
    results = [json.loads(reply) for reply in replies]
    finals = [result for result in results if "partial" not in result]
    texts = [(result.get("alternatives") or [result])[0]["text"] for result in finals]
    assert " ".join(text for text in texts if text) == f"{MASKED} {MASKED}"
    assert WORD not in "".join(replies)
    assert {result["partial"] for result in results if "partial" in result} == {""}


def test_wyoming_is_masked(masking: RunningServer) -> None:
    answers = on(masking, lambda client: replies_to(client, *audio(speech(1))))
    assert transcript(answers).text == MASKED
    assert WORD not in str([answer.data for answer in answers])


def test_realtime_is_masked(masking: RunningServer) -> None:
    async def run() -> None:
        async with talking(masking) as talk:
            await talk.send(pcm(2, pause=0.0))
            await talk.connection.input_audio_buffer.commit()
            completed = await talk.until(f"{TRANSCRIPTION}.completed")
            assert completed.transcript == talk.deltas(completed.item_id) == MASKED

    asyncio.run(run())
