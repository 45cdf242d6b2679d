"""Known speakers on a real server: added, used by every client, and erased without a trace.

The weights take all sounds for speech, and every voice for its own copy; what the trained ones find
is in test_speakers_told_apart.py.
"""

import asyncio
import base64
import io
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import soundfile
import sqlalchemy as sa
from deepgram_client import SPEECH
from live import StreamLog, live_url, pieces, receive, sample, silence
from openai import OpenAI
from running import NORDLYD, RunningServer, environment
from speaker_weights import write_weights
from troubles import troubles
from websockets.asyncio.client import connect

from app.database import Database
from app.keys.store import KeyStore
from nordlyd_client import AsyncClient, Client, ClientError

pytestmark = pytest.mark.long
NAME = "Kari Nordmann-Ås"
AUDIO = SPEECH[0].read_bytes()
DIARIZE = {"diarize": "true", "known_speakers": "true"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("known-speakers")
    write_weights(folder / "store" / "speakers")
    settings = {
        "MODELS": "demo-nb", "STORE": str(folder / "store"), "KNOWN_SPEAKERS": "true",
        "API_KEYS": "first,second", "LOG_FORMAT": "json", "LOG_LEVEL": "debug",
    }  # fmt: skip
    running = RunningServer(folder, settings)
    yield running.wait_ready()
    assert running.stop() == 0
    assert troubles(running.log) == []


@pytest.fixture
def client(server: RunningServer) -> Iterator[Client]:
    """The client of the first key, which knows no speakers."""
    with Client(server.address, "first") as opened:
        for speaker in opened.speakers.list():
            opened.speakers.delete(speaker.id)
        yield opened


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx.Client]:
    with server.client(headers={"authorization": "Bearer first"}) as opened:
        yield opened


def data_of(server: RunningServer) -> Path:
    return server.log.parent / "data"


def kept(server: RunningServer, needle: bytes) -> list[str]:
    """The files, of the data folder and the log, that contain a needle."""
    files = [path for path in server.log.parent.rglob("*") if path.is_file()]
    return [path.name for path in files if needle in path.read_bytes()]


def embedding_of(server: RunningServer, speaker_id: str) -> bytes:
    with Database(data_of(server)).begin() as connection:
        query = sa.text("SELECT embedding FROM known_speakers WHERE id = :id")
        return bytes(connection.execute(query, {"id": speaker_id}).scalar_one())


def test_known_speaker_has_its_name_in_transcripts_of_its_key_alone(
    server: RunningServer, client: Client, http: httpx.Client
) -> None:
    assert http.get("/health").json()["known_speakers"] is True
    speaker = client.speakers.add(NAME, SPEECH[0])
    assert (speaker.name, speaker.seconds > 1) == (NAME, True)
    assert client.speakers.list() == (speaker,)
    named = client.transcribe(SPEECH[0], diarize=True, known_speakers=True)
    assert [item.speaker for item in named.speakers or ()] == [NAME]
    assert {word.speaker for word in named.words} == {NAME}
    vtt = http.post("/transcribe", content=AUDIO, params=DIARIZE | {"response_format": "vtt"})
    assert f"<v {NAME}>" in vtt.text
    unnamed = client.transcribe(SPEECH[0], diarize=True)
    assert {word.speaker for word in unnamed.words} == {"speaker 1"}
    with Client(server.address, "second") as other:
        assert other.speakers.list() == ()
        theirs = other.transcribe(SPEECH[0], diarize=True, known_speakers=True)
        with pytest.raises(ClientError, match="no known speaker") as refused:
            other.speakers.delete(speaker.id)
    assert {word.speaker for word in theirs.words} == {"speaker 1"}
    assert (refused.value.status, refused.value.code) == (404, "speaker_not_found")


def test_job_has_the_names(client: Client) -> None:
    client.speakers.add(NAME, SPEECH[0])
    job = client.jobs.submit(SPEECH[0], diarize=True, known_speakers=True)
    assert client.jobs.wait(job.id, timeout=60).status == "completed"
    assert {word.speaker for word in client.jobs.result(job.id).words} == {NAME}
    client.jobs.delete(job.id)


def test_asynchronous_client_has_the_same_speakers(server: RunningServer, client: Client) -> None:
    async def run() -> None:
        async with AsyncClient(server.address, "first") as opened:
            speaker = await opened.speakers.add(NAME, AUDIO)
            assert await opened.speakers.list() == (speaker,)
            await opened.speakers.delete(speaker.id)
            assert await opened.speakers.list() == ()

    asyncio.run(run())


def test_erased_speaker_leaves_no_byte_but_its_id_in_the_audit_log(
    server: RunningServer, client: Client
) -> None:
    # Transcripts of jobs have the other name.
    speaker = client.speakers.add("Ingrid Utvisk", SPEECH[0])
    embedding = embedding_of(server, speaker.id)
    needles = (embedding, embedding[100:132], b"Ingrid Utvisk")
    assert all("nordlyd.db" in " ".join(kept(server, needle)) for needle in needles)
    assert kept(server, AUDIO[20_000:20_064]) == []
    client.speakers.delete(speaker.id)
    # At once, unless the database is being read: then the service repeats it a second later.
    until = time.monotonic() + 20
    while any(kept(server, needle) for needle in needles) and time.monotonic() < until:
        time.sleep(0.2)
    assert [kept(server, needle) for needle in needles] == [[], [], []]
    # The log has the path of the request that erased it.
    assert sorted(kept(server, speaker.id.encode())) == ["audit.jsonl", "serve.log"]
    lines = (data_of(server) / "audit.jsonl").read_text().splitlines()
    own = [entry for entry in map(json.loads, lines) if entry.get("speaker") == speaker.id]
    assert [(entry["action"], entry["job"]) for entry in own] == [
        ("speaker_added", ""),
        ("speaker_deleted", ""),
    ]
    assert {(entry["client"], bool(entry["owner"]), bool(entry["request"])) for entry in own} == {
        ("127.0.0.1", True, True)
    }


def test_speakers_of_a_removed_key_are_erased(server: RunningServer) -> None:
    store = KeyStore(database := Database(data_of(server)))
    key, text = store.create("Arkivet")
    with Client(server.address, text) as client:
        speaker = client.speakers.add(NAME, SPEECH[0])
    embedding = embedding_of(server, speaker.id)
    store.remove(key.id)
    assert kept(server, embedding) == []
    database.close()


def recording(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()


NOISE = np.random.default_rng(0).normal(0, 0.1, 16_000 * 61)


@pytest.mark.parametrize(
    ("fields", "audio", "param", "message"),
    [
        ({}, AUDIO, "name", "printable text"),
        ({"name": "Speaker 2"}, AUDIO, "name", "no label"),
        ({"name": "a" * 101}, AUDIO, "name", "100"),
        ({"name": NAME, "label": "x"}, AUDIO, "label", "no parameter"),
        ({"name": NAME}, recording(NOISE[:16_000]), "file", "2 to 60 s"),
        ({"name": NAME}, recording(NOISE), "file", "2 to 60 s"),
        ({"name": NAME}, recording(np.zeros(48_000)), "file", "less than 1 s of speech"),
    ],
)
def test_what_is_no_sample_is_refused(
    http: httpx.Client, fields: dict[str, str], audio: bytes, param: str, message: str
) -> None:
    answer = http.post("/speakers", params=fields, content=audio)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
    assert message in answer.json()["error"]["message"]


def test_form_without_audio_and_sound_that_is_none_are_refused(http: httpx.Client) -> None:
    assert http.post("/speakers", files={"name": (None, NAME)}).status_code == 400
    assert http.post("/speakers?name=Kari", content=b"no audio at all").status_code == 415


def test_known_speakers_need_diarize(http: httpx.Client) -> None:
    answer = http.post("/transcribe", content=AUDIO, params={"known_speakers": "true"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "known_speakers"


def test_openai_client_names_the_speakers_of_its_references(server: RunningServer) -> None:
    client = OpenAI(base_url=f"{server.address}/v1", api_key="second", max_retries=0)
    create = client.audio.transcriptions.create
    url = f"data:audio/flac;base64,{base64.b64encode(AUDIO).decode()}"
    answer = create(
        file=SPEECH[0], model="gpt-4o-transcribe-diarize", response_format="diarized_json",
        known_speaker_names=["agent"], known_speaker_references=[url],
    )  # fmt: skip
    assert {segment.speaker for segment in answer.segments} == {"agent"}
    *segments, _ = create(
        file=SPEECH[0], model="gpt-4o-transcribe-diarize", response_format="diarized_json",
        known_speaker_names=["agent"], known_speaker_references=[url], stream=True,
    )  # fmt: skip
    assert {event.speaker for event in segments} == {"agent"}
    short = base64.b64encode(recording(NOISE[:16_000])).decode()
    with pytest.raises(openai.BadRequestError, match="2 to 10 s") as refused:
        create(
            file=SPEECH[0], model="gpt-4o-transcribe-diarize", response_format="diarized_json",
            known_speaker_names=["agent"], known_speaker_references=[f"data:;base64,{short}"],
        )  # fmt: skip
    assert refused.value.param == "known_speaker_references"
    client.close()
    with Client(server.address, "second") as own:
        assert own.speakers.list() == ()


def test_live_stream_has_a_speaker_in_every_final_result(server: RunningServer) -> None:
    async def run() -> StreamLog:
        log = StreamLog()
        url = live_url(server, language="nb", diarize="true")
        headers = {"authorization": "Bearer first"}
        async with connect(url, additional_headers=headers) as socket:
            for samples in (sample(1), silence(1.0), sample(1)):
                for piece in pieces(samples.tobytes(), 32_000):
                    await socket.send(piece)
            await socket.send('{"type": "end"}')
            return await receive(socket, log)

    log = asyncio.run(run())
    finals = [message for message in log.of("final") if message["words"]]
    assert len(finals) == 2
    assert [message["speaker"] for message in finals] == ["speaker 1"] * 2


def test_commands_add_list_use_and_delete_speakers(server: RunningServer, client: Client) -> None:
    def nordlyd(*arguments: str) -> subprocess.CompletedProcess[str]:
        remote = ["--server", server.address, "--api-key", "first"]
        return subprocess.run(
            [NORDLYD, *arguments, *remote], env=environment({}), capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip

    added = nordlyd("speakers", "add", NAME, str(SPEECH[0]))
    assert added.returncode == 0, added.stderr
    speaker_id = added.stdout.strip()
    assert [speaker.id for speaker in client.speakers.list()] == [speaker_id]
    listed = nordlyd("speakers", "list").stdout
    assert listed.startswith(speaker_id)
    assert listed.endswith(f"{NAME}\n")
    [entry] = map(json.loads, nordlyd("speakers", "list", "--json").stdout.splitlines())
    assert (entry["id"], entry["name"]) == (speaker_id, NAME)
    text = nordlyd("transcribe", str(SPEECH[0]), "--diarize", "--known-speakers")
    assert text.stdout.startswith(f"{NAME}: ")
    assert nordlyd("speakers", "delete", speaker_id).returncode == 0
    again = nordlyd("speakers", "delete", speaker_id)
    assert (again.returncode, speaker_id in again.stderr) == (1, True)
    assert client.speakers.list() == ()
    missing = nordlyd("speakers", "add", NAME, "/no/such/file.wav")
    assert missing.returncode == 1
    assert "cannot be read" in missing.stderr
