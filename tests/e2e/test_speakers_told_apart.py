"""The trained weights: fetched by a command, and what they find in a conversation of two voices."""

import asyncio
import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from live import StreamLog, live_url, pieces, receive
from running import NORDLYD, RunningServer, environment
from websockets.asyncio.client import connect

from app.settings import load_settings
from app.speakers import weights_folder

pytestmark = pytest.mark.speakers
STORE = load_settings(os.environ).store
RATE = 22_050
# A low and a high voice, which take turns.
VOICES = (("nb+m3", 20), ("nb+f2", 90))
LINES = (
    (0, "jeg kommer klokka åtte i morgen tidlig og tar med meg alle papirene"),
    (1, "det er fint da rekker vi å snakke om saken før møtet begynner"),
    (0, "har du lest det som komiteen skrev i går kveld"),
    (1, "ja jeg har lest alt sammen og jeg er ganske enig i det meste"),
    (0, "da tror jeg at vi blir ferdige i god tid før lunsj"),
)


def conversation() -> tuple[bytes, list[tuple[int, float, float]]]:
    """A recording of the lines, and the speaker, start and end in seconds of each."""
    from trainer.speech.espeak import espeak

    pieces, spans, position = [], [], 0
    for speaker, line in LINES:
        voice, pitch = VOICES[speaker]
        speech = espeak().speak(line, voice=voice, rate=150, pitch=pitch)
        samples = speech.samples[: round(speech.words[-1].end * speech.rate)]
        spans.append((speaker, position / RATE, (position + len(samples)) / RATE))
        pieces += [samples, np.zeros(RATE // 3, np.int16)]
        position += len(samples) + RATE // 3
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(pieces), RATE, format="WAV")
    return file.getvalue(), spans


@pytest.fixture(scope="module")
def told_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    assert (weights_folder(STORE) / "LICENSE").is_file(), "make test-speakers fetches the weights"
    settings = {
        "MODELS": "demo-nb", "STORE": str(STORE), "LOG_FORMAT": "json", "KNOWN_SPEAKERS": "true",
    }  # fmt: skip
    running = RunningServer(tmp_path_factory.mktemp("told-apart"), settings)
    yield running.wait_ready()
    assert running.stop() == 0


@pytest.mark.parametrize("query", [{}, {"num_speakers": "2"}, {"max_speakers": "5"}])
def test_words_of_two_voices_have_their_speakers(
    told_apart: RunningServer, query: dict[str, str]
) -> None:
    audio, spans = conversation()
    with told_apart.client() as client:
        body = client.post(
            "/transcribe", content=audio, params={"diarize": "true", "language": "nb", **query}
        ).json()
    assert [item["speaker"] for item in body["speakers"]] == ["speaker 1", "speaker 2"]
    right = 0
    for word in body["words"]:
        middle = (word["start"] + word["end"]) / 2
        speaker = min(spans, key=lambda span: max(span[1] - middle, middle - span[2]))[0]
        right += word["speaker"] == f"speaker {speaker + 1}"
    assert right / len(body["words"]) >= 0.95


def test_one_voice_is_one_speaker(told_apart: RunningServer) -> None:
    audio, spans = conversation()
    samples, rate = soundfile.read(io.BytesIO(audio), dtype="float32")
    own = [samples[round(a * rate) : round(b * rate)] for who, a, b in spans if who == 0]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(own), rate, format="WAV")
    with told_apart.client() as client:
        answer: httpx.Response = client.post(
            "/transcribe", content=file.getvalue(), params={"diarize": "true"}
        )
    assert [item["speaker"] for item in answer.json()["speakers"]] == ["speaker 1"]


def test_known_voice_names_its_speaker_and_no_other(told_apart: RunningServer) -> None:
    audio, spans = conversation()
    samples, rate = soundfile.read(io.BytesIO(audio), dtype="float32")
    # The second of the low voice's lines, which is not in the recording below.
    _, start, end = spans[2]
    file = io.BytesIO()
    soundfile.write(file, samples[round(start * rate) : round(end * rate)], rate, format="WAV")
    rest = io.BytesIO()
    soundfile.write(rest, samples[: round((start - 0.1) * rate)], rate, format="WAV")
    query = {"diarize": "true", "known_speakers": "true", "num_speakers": "2"}
    with told_apart.client() as client:
        added = client.post("/speakers?name=Ola", content=file.getvalue())
        assert added.status_code == 201, added.text
        body = client.post("/transcribe", content=rest.getvalue(), params=query).json()
        assert client.delete(f"/speakers/{added.json()['id']}").status_code == 204
    assert [item["speaker"] for item in body["speakers"]] == ["Ola", "speaker 1"]


def test_sample_of_two_voices_is_refused(told_apart: RunningServer) -> None:
    audio, _ = conversation()
    with told_apart.client() as client:
        answer = client.post("/speakers?name=Ola", content=audio)
    assert answer.status_code == 400
    assert "2 persons speak" in answer.json()["error"]["message"]


def test_live_stream_tells_its_speakers_apart(told_apart: RunningServer) -> None:
    audio, spans = conversation()
    samples, rate = soundfile.read(io.BytesIO(audio), dtype="int16")

    async def run() -> StreamLog:
        url = live_url(
            told_apart, language="nb", diarize="true", rate=rate, endpoint_silence=0.2,
            partials="false",
        )  # fmt: skip
        async with connect(url) as socket:
            for piece in pieces(samples.tobytes(), 44_100):
                await socket.send(piece)
            await socket.send('{"type": "end"}')
            return await receive(socket, StreamLog())

    finals = [message for message in asyncio.run(run()).of("final") if message["words"]]
    right = 0
    for message in finals:
        middle = (message["start"] + message["end"]) / 2
        speaker = min(spans, key=lambda span: max(span[1] - middle, middle - span[2]))[0]
        right += message["speaker"] == f"speaker {speaker + 1}"
    assert len(finals) >= len(spans)
    assert right == len(finals)


def test_weights_that_are_there_are_not_fetched_again(tmp_path: Path) -> None:
    folder = weights_folder(STORE)
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    done = subprocess.run(
        [NORDLYD, "speakers", "pull"], capture_output=True, text=True, check=True,
        env=environment({"STORE": str(STORE)}) | {"PIP_INDEX_URL": "http://127.0.0.1:9/"},
    )  # fmt: skip
    assert done.stdout == f"{folder}\n"
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before
