"""Who speaks, by a real server with weights that find one speaker everywhere, and by its clients.

What the trained weights find is in test_speakers_told_apart.py.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import assemblyai
import httpx
import pytest
from deepgram_client import SPEECH, client_of, listen
from demo_model import sample_texts
from openai import OpenAI
from running import NORDLYD, RunningServer, environment
from speaker_weights import write_weights
from troubles import troubles

from nordlyd_client import Client

pytestmark = [
    pytest.mark.long,
    # The package looks up deprecated names of websockets.
    pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20"),
]
AUDIO = SPEECH[0].read_bytes()
TEXT = sample_texts()[0]
WRITTEN = TEXT[0].upper() + TEXT[1:] + "."


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_weights(folder / "speakers")
    return folder


@pytest.fixture(scope="module")
def speaking(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"MODELS": "demo-nb", "STORE": str(store), "LOG_FORMAT": "json"}
    running = RunningServer(tmp_path_factory.mktemp("speaking"), settings)
    yield running.wait_ready()
    assert running.stop() == 0
    assert troubles(running.log) == []


@pytest.fixture(scope="module")
def connected(speaking: RunningServer) -> Iterator[httpx.Client]:
    with speaking.client() as client:
        yield client


def test_words_and_segments_have_speakers_and_the_answer_lists_them(
    connected: httpx.Client,
) -> None:
    query = {"diarize": "true", "format_text": "true", "n_best": "2", "prune_logp": "-40"}
    body = connected.post("/transcribe", content=AUDIO, params=query).json()
    assert body["text"] == TEXT
    assert body["formatted_text"] == WRITTEN
    for name in ("words", "segments", "formatted_words", "formatted_segments"):
        assert body[name], name
        assert {item["speaker"] for item in body[name]} == {"speaker 1"}, name
    assert {word["speaker"] for word in body["alternatives"][1]["words"]} == {"speaker 1"}
    (speaker,) = body["speakers"]
    assert speaker["speaker"] == "speaker 1"
    assert speaker["seconds"] == pytest.approx(
        sum(item["end"] - item["start"] for item in body["segments"]), abs=0.01
    )
    assert body["timing"]["diarize"] > 0
    assert 'nordlyd_stage_seconds_count{stage="diarize"}' in connected.get("/metrics").text


def test_answer_has_no_speakers_where_none_are_requested(connected: httpx.Client) -> None:
    body = connected.post("/transcribe", content=AUDIO, params={"diarize": "false"}).json()
    assert "speakers" not in body
    assert "diarize" not in body["timing"]
    assert all("speaker" not in item for item in (*body["words"], *body["segments"]))


@pytest.mark.parametrize(
    ("response_format", "shown"),
    [
        ("text", "speaker 1: "), ("vtt", "<v speaker 1>"), ("rttm", "<NA> speaker_1 <NA>"),
        ("ctm", "lex speaker_1"),
    ],
)  # fmt: skip
def test_formats_have_the_speakers(
    connected: httpx.Client, response_format: str, shown: str
) -> None:
    query = {"diarize": "true", "response_format": response_format}
    assert shown in connected.post("/transcribe", content=AUDIO, params=query).text


@pytest.mark.parametrize(
    ("query", "param", "message"),
    [
        ({"num_speakers": "2"}, "num_speakers", "accepted with it: diarize=true"),
        (
            {"diarize": "true", "num_speakers": "2", "max_speakers": "3"},
            "num_speakers",
            "num_speakers alone",
        ),
        (
            {"diarize": "true", "min_speakers": "4", "max_speakers": "3"},
            "min_speakers",
            "up to max_speakers",
        ),
        ({"diarize": "true", "channels": "separate"}, "diarize", "one of them"),
        ({"diarize": "true", "num_speakers": "101"}, "num_speakers", "100"),
        ({"diarize": "perhaps"}, "diarize", "true, false"),
    ],
)
@pytest.mark.parametrize("path", ["/transcribe", "/jobs"])
def test_options_that_contradict_each_other_are_refused(
    connected: httpx.Client, path: str, query: dict[str, str], param: str, message: str
) -> None:
    answer = connected.post(path, content=AUDIO, params=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
    assert message in answer.json()["error"]["message"]


def test_job_and_python_client_have_the_speakers(speaking: RunningServer) -> None:
    with Client(speaking.address) as client:
        direct = client.transcribe(SPEECH[0], diarize=True, max_speakers=2)
        job = client.jobs.submit(SPEECH[0], diarize=True, num_speakers=1)
        assert client.jobs.wait(job.id, timeout=60).status == "completed"
        result = client.jobs.result(job.id)
    for transcript in (direct, result):
        assert [item.speaker for item in transcript.speakers or ()] == ["speaker 1"]
        assert {word.speaker for word in transcript.words} == {"speaker 1"}
        assert transcript.timing.diarize


def test_openai_client_gets_diarized_answers(speaking: RunningServer) -> None:
    client = OpenAI(base_url=f"{speaking.address}/v1", api_key="any", max_retries=0)
    create = client.audio.transcriptions.create
    whole = create(
        file=SPEECH[0], model="gpt-4o-transcribe-diarize", response_format="diarized_json",
        chunking_strategy="auto",
    )  # fmt: skip
    assert (whole.task, whole.text) == ("transcribe", WRITTEN)
    assert " ".join(segment.text for segment in whole.segments) == WRITTEN
    assert {segment.speaker for segment in whole.segments} == {"A"}
    assert {segment.type for segment in whole.segments} == {"transcript.text.segment"}
    assert whole.duration == whole.usage.seconds
    *segments, done = create(
        file=SPEECH[0], model="gpt-4o-transcribe-diarize", response_format="diarized_json",
        stream=True,
    )  # fmt: skip
    assert [event.id for event in segments] == [segment.id for segment in whole.segments]
    assert {event.speaker for event in segments} == {"A"}
    assert (done.type, done.text) == ("transcript.text.done", WRITTEN)
    verbose = create(
        file=SPEECH[0], model="whisper-1", response_format="verbose_json",
        extra_body={"diarize": True},
    )  # fmt: skip
    assert {segment.speaker for segment in verbose.segments} == {"speaker 1"}
    srt = create(
        file=SPEECH[0], model="whisper-1", response_format="srt", extra_body={"diarize": True}
    )
    assert "speaker 1" in srt
    client.close()


def test_deepgram_client_gets_speakers(speaking: RunningServer) -> None:
    with client_of(speaking) as client:
        answer = listen(client, AUDIO, diarize=True, utterances=True, paragraphs=True)
        plain = listen(client, AUDIO, utterances=True)
    best = answer.results.channels[0].alternatives[0]
    assert best.words
    assert {word.speaker for word in best.words} == {0}
    assert {utterance.speaker for utterance in answer.results.utterances} == {0}
    assert {paragraph.speaker for paragraph in best.paragraphs.paragraphs} == {0}
    assert {word.speaker for word in plain.results.channels[0].alternatives[0].words} == {None}


def test_assemblyai_client_gets_utterances(speaking: RunningServer) -> None:
    settings = assemblyai.Settings(
        base_url=speaking.address, api_key="any", http_timeout=120.0, polling_interval=0.05
    )
    client = assemblyai.Client(settings=settings)
    config = assemblyai.TranscriptionConfig(speaker_labels=True, speakers_expected=1)
    with client.http_client:
        transcript = assemblyai.Transcriber(client=client).transcribe(AUDIO, config)
    assert [(turn.speaker, turn.text) for turn in transcript.utterances] == [("A", WRITTEN)]
    assert {word.speaker for word in transcript.words} == {"A"}


def test_command_labels_its_text_and_refuses_without_weights(store: Path, tmp_path: Path) -> None:
    command = [NORDLYD, "transcribe", str(SPEECH[0]), "--language", "nb", "--diarize"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env=environment({"STORE": str(store)}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"speaker 1: {TEXT}\n"
    refused = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env=environment({"STORE": str(tmp_path)}),
    )  # fmt: skip
    assert refused.returncode != 0
    assert "nordlyd speakers pull" in refused.stderr
