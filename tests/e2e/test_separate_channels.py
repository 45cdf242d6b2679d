"""Recordings whose channels are transcribed apart, by a real server and Deepgram's own client."""

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from deepgram import DeepgramClient
from deepgram_client import SPEECH, client_of, listen
from demo_model import sample_texts
from running import NORDLYD, RunningServer, environment

# The package looks up deprecated names of websockets.
pytestmark = pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def connected(demos: RunningServer) -> Iterator[httpx.Client]:
    with demos.client() as client:
        yield client


def interview(*, gap: float = 1.0, kind: str = "WAV") -> bytes:
    """The first speaker on the left, and, `gap` seconds after the end, the second on the right."""
    (first, rate), (second, _) = (soundfile.read(file, dtype="float32") for file in SPEECH[:2])
    begins = len(first) + round(gap * rate)
    stereo = np.zeros((begins + len(second), 2), dtype=np.float32)
    stereo[: len(first), 0] = first
    stereo[begins:, 1] = second
    file = io.BytesIO()
    soundfile.write(file, stereo, rate, format=kind)
    return file.getvalue()


def test_each_channel_has_its_own_words_and_label(connected: httpx.Client) -> None:
    body = connected.post(
        "/transcribe", content=interview(), params={"channels": "separate", "language": "nb"}
    ).json()
    first, second = sample_texts()[:2]
    assert body["text"] == f"{first} {second}"
    assert [item["speaker"] for item in body["speakers"]] == ["channel 0", "channel 1"]
    assert [item["channel"] for item in body["speakers"]] == [0, 1]
    assert body["channels"] == 2
    for label, text in (("channel 0", first), ("channel 1", second)):
        own = [word["word"] for word in body["words"] if word["speaker"] == label]
        assert " ".join(own) == text
        assert " ".join(s["text"] for s in body["segments"] if s["speaker"] == label) == text


def test_people_who_speak_at_once_are_both_transcribed(connected: httpx.Client) -> None:
    (first, rate), (second, _) = (soundfile.read(file, dtype="float32") for file in SPEECH[:2])
    stereo = np.zeros((max(len(first), len(second)), 2), dtype=np.float32)
    stereo[: len(first), 0] = first
    stereo[: len(second), 1] = second
    file = io.BytesIO()
    soundfile.write(file, stereo, rate, format="FLAC")
    query = {"channels": "separate", "language": "nb", "format_text": "true"}
    body = connected.post("/transcribe", content=file.getvalue(), params=query).json()
    for label, text in zip(("channel 0", "channel 1"), sample_texts()[:2], strict=True):
        own = [word for word in body["words"] if word["speaker"] == label]
        assert " ".join(word["word"] for word in own) == text
        assert [word["start"] for word in own] == sorted(word["start"] for word in own)
    starts = [segment["start"] for segment in body["segments"]]
    assert starts == sorted(starts)
    assert body["formatted_words"][0]["speaker"] in ("channel 0", "channel 1")
    vtt = connected.post(
        "/transcribe", content=file.getvalue(), params=query | {"response_format": "vtt"}
    )
    assert "<v channel 0>" in vtt.text
    assert "<v channel 1>" in vtt.text


def test_every_channel_is_masked_and_the_answer_lists_what_was(connected: httpx.Client) -> None:
    words = [text.split()[-1] for text in sample_texts()[:2]]
    query = {
        "channels": "separate", "language": "nb", "redact": "names",
        "redact_names": ", ".join(words),
    }  # fmt: skip
    body = connected.post("/transcribe", content=interview(), params=query).json()
    assert body["text"].split().count("[navn]") == 2
    assert not set(words) & set(body["text"].split())
    masked = [word for word in body["words"] if word["word"] == "[navn]"]
    assert [word["speaker"] for word in masked] == ["channel 0", "channel 1"]
    assert [(item["start"], item["end"]) for item in body["redactions"]] == [
        (word["start"], word["end"]) for word in masked
    ]


def test_channels_are_mixed_by_default_and_no_field_says_speaker(connected: httpx.Client) -> None:
    body = connected.post("/transcribe", content=interview(), params={"language": "nb"}).json()
    assert "speakers" not in body
    assert "channels" not in body
    assert all("speaker" not in word for word in body["words"])


def test_recording_of_one_channel_has_one_label(connected: httpx.Client) -> None:
    body = connected.post(
        "/transcribe",
        content=SPEECH[0].read_bytes(),
        params={"channels": "separate", "language": "nb"},
    ).json()
    assert body["text"] == sample_texts()[0]
    assert [item["speaker"] for item in body["speakers"]] == ["channel 0"]


def test_raw_samples_have_as_many_channels_as_their_content_type(connected: httpx.Client) -> None:
    samples, rate = soundfile.read(io.BytesIO(interview()), dtype="int16")
    body = connected.post(
        "/transcribe",
        content=samples.tobytes(),
        params={"channels": "separate", "language": "nb"},
        headers={"content-type": f"audio/pcm;rate={rate};channels=2"},
    ).json()
    assert [item["speaker"] for item in body["speakers"]] == ["channel 0", "channel 1"]


def test_job_has_the_result_of_transcribe(connected: httpx.Client) -> None:
    query = {"channels": "separate", "language": "nb"}
    job = connected.post("/jobs", content=interview(), params=query).json()
    done = connected.get(f"/jobs/{job['id']}", params={"wait": "60"}).json()
    assert done["status"] == "completed", done
    result = connected.get(f"/jobs/{job['id']}/result").json()
    direct = connected.post("/transcribe", content=interview(), params=query).json()
    assert [(w["word"], w["speaker"], w["start"]) for w in result["words"]] == [
        (w["word"], w["speaker"], w["start"]) for w in direct["words"]
    ]
    assert connected.delete(f"/jobs/{job['id']}").status_code == 204


@pytest.mark.parametrize(
    ("channels", "query", "param", "message"),
    [
        (2, {"channels": "apart"}, "channels", "accepted: a whole number, or separate"),
        (
            2,
            {"channels": "separate", "n_best": "2"},
            "n_best",
            "with channels=separate: 1",
        ),
        (9, {"channels": "separate"}, "channels", "has 9 channels; accepted"),
    ],
)
def test_what_cannot_be_separated_is_refused(
    connected: httpx.Client, channels: int, query: dict[str, str], param: str, message: str
) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((1600, channels)), 16000, format="WAV")
    answer = connected.post("/transcribe", content=file.getvalue(), params=query)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["param"] == param
    assert message in error["message"]


def test_command_writes_the_channels(demos: RunningServer, tmp_path: Path) -> None:
    recording = tmp_path / "samtale.wav"
    recording.write_bytes(interview())
    done = subprocess.run(
        [NORDLYD, "transcribe", str(recording), "--server", demos.address, "--language", "nb",
         "--channels", "separate", "--format", "text"],
        capture_output=True, text=True, check=False, env=environment({}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == (f"channel 0: {sample_texts()[0]}\nchannel 1: {sample_texts()[1]}\n")


def test_deepgram_client_gets_each_channel(demos: RunningServer) -> None:
    with client_of(demos) as client:
        answer = answer_of(client, multichannel=True, utterances=True)
        mixed = answer_of(client, multichannel=False)
    assert answer.metadata.channels == len(answer.results.channels) == 2
    texts = [channel.alternatives[0].transcript for channel in answer.results.channels]
    assert texts == sample_texts()[:2]
    assert [utterance.channel for utterance in answer.results.utterances][:1] == [0]
    assert {utterance.channel for utterance in answer.results.utterances} == {0, 1}
    assert mixed.metadata.channels == len(mixed.results.channels) == 1


def answer_of(client: DeepgramClient, **options: bool):
    return listen(client, interview(), language="nb", **options)
