"""Recordings whose language their speech decides, at a real server with two of the demos."""

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from demo_model import DEMO
from openai import OpenAI
from running import NORDLYD, RunningServer, environment
from websockets.sync.client import connect

from nordlyd_client import Client

MODELS = DEMO.parent


@pytest.fixture(scope="module")
def connected(demos: RunningServer) -> Iterator[httpx.Client]:
    with demos.client() as client:
        yield client


def samples(language: str) -> list[tuple[Path, str]]:
    """The samples of a demo, with their texts."""
    folder = MODELS / f"demo-{language}" / "samples"
    lines = (folder / "samples.jsonl").read_text("utf-8").splitlines()
    return [(folder / item["audio"], item["text"]) for item in map(json.loads, lines)]


def conversation(*languages: str, pause: float = 1.0) -> bytes:
    """Two sentences in each language, with pauses between all of them."""
    rate = 16_000
    silence = np.zeros(round(pause * rate), np.float32)
    parts = [silence]
    for language in languages:
        for path, _ in samples(language)[:2]:
            speech, found = soundfile.read(path, dtype="float32")
            assert found == rate
            parts += [speech, silence]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(parts), rate, format="FLAC")
    return file.getvalue()


@pytest.mark.parametrize("language", ["nb", "da"])
def test_language_of_a_recording_is_detected(connected: httpx.Client, language: str) -> None:
    for path, _ in samples(language)[:2]:
        body = connected.post(
            "/transcribe", content=path.read_bytes(), params={"language": "auto"}
        ).json()
        named = connected.post(
            "/transcribe", content=path.read_bytes(), params={"language": language}
        ).json()
        assert (body["language"], body["model"]) == (language, f"demo-{language}")
        assert body["text"] == named["text"]
        assert body["words"] == named["words"]
        likely, other = body["languages"]
        assert likely["language"] == language
        assert likely["probability"] == body["language_probability"] > 0.5
        assert likely["probability"] + other["probability"] == pytest.approx(1.0, abs=1e-3)
        assert body["timing"]["detect_language"] > 0
        assert "language_probability" not in named


@pytest.mark.long
def test_each_utterance_has_its_own_language(connected: httpx.Client) -> None:
    audio = conversation("nb", "da")
    body = connected.post(
        "/transcribe",
        content=audio,
        params={"language": "auto-each", "format_text": "true"},
    ).json()
    by_language = {
        language: " ".join(s["text"] for s in body["segments"] if s["language"] == language)
        for language in ("nb", "da")
    }
    for language in ("nb", "da"):
        expected = [
            connected.post(
                "/transcribe", content=path.read_bytes(), params={"language": language}
            ).json()["text"]
            for path, _ in samples(language)[:2]
        ]
        # Pauses beside a sentence may change a word of it.
        found, whole = by_language[language].split(), " ".join(expected).split()
        assert len(set(found) & set(whole)) >= 0.8 * len(set(whole))
    languages = [segment["language"] for segment in body["segments"]]
    assert languages == sorted(languages, key=["nb", "da"].index)
    assert all(segment["language_probability"] > 0.5 for segment in body["segments"])
    starts = [word["start"] for word in body["words"]]
    assert starts == sorted(starts)
    assert body["words"][-1]["end"] <= body["duration"]
    assert body["text"] == " ".join(segment["text"] for segment in body["segments"])
    assert [s["language"] for s in body["formatted_segments"]] != []
    assert sum(item["probability"] for item in body["languages"]) == pytest.approx(1, abs=1e-3)


@pytest.mark.long
def test_one_language_is_not_cut_by_detecting_each_utterance(connected: httpx.Client) -> None:
    audio = conversation("nb")
    each, named = (
        connected.post("/transcribe", content=audio, params={"language": language}).json()
        for language in ("auto-each", "nb")
    )
    assert [word | {"language": "nb"} for word in named["words"]] == each["words"]
    assert {segment["language"] for segment in each["segments"]} == {"nb"}


def test_silence_has_the_default_language(connected: httpx.Client) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(32_000), 16_000, format="WAV")
    for language in ("auto", "auto-each"):
        body = connected.post(
            "/transcribe", content=file.getvalue(), params={"language": language}
        ).json()
        assert (body["text"], body["language"]) == ("", "nb")
        assert body["language_probability"] == 0.5


def test_named_model_leaves_no_choice(connected: httpx.Client) -> None:
    body = connected.post(
        "/transcribe",
        content=samples("nb")[0][0].read_bytes(),
        params={"language": "auto", "model": "demo-da"},
    ).json()
    assert (body["language"], body["language_probability"]) == ("da", 1.0)


@pytest.mark.long
def test_channels_have_languages_of_their_own(connected: httpx.Client) -> None:
    (first, rate), (second, _) = (
        soundfile.read(samples(language)[0][0], dtype="float32") for language in ("nb", "da")
    )
    stereo = np.zeros((len(first) + len(second), 2), np.float32)
    stereo[: len(first), 0] = first
    stereo[len(first) :, 1] = second
    file = io.BytesIO()
    soundfile.write(file, stereo, rate, format="FLAC")
    body = connected.post(
        "/transcribe",
        content=file.getvalue(),
        params={"language": "auto", "channels": "separate"},
    ).json()
    assert {(s["speaker"], s["language"]) for s in body["segments"]} == {
        ("channel 0", "nb"),
        ("channel 1", "da"),
    }


def test_job_has_the_detected_language_once_it_ends(connected: httpx.Client) -> None:
    audio = samples("da")[0][0].read_bytes()
    job = connected.post("/jobs", content=audio, params={"language": "auto"}).json()
    assert job["language"] == "auto"
    done = connected.get(f"/jobs/{job['id']}", params={"wait": "60"}).json()
    assert (done["status"], done["language"], done["model"]) == ("completed", "da", "demo-da")
    result = connected.get(f"/jobs/{job['id']}/result").json()
    direct = connected.post("/transcribe", content=audio, params={"language": "auto"}).json()
    for name in ("text", "language", "language_probability", "languages"):
        assert result[name] == direct[name]
    assert connected.delete(f"/jobs/{job['id']}").status_code == 204


@pytest.mark.long
def test_job_with_a_language_for_each_utterance(connected: httpx.Client) -> None:
    audio = conversation("nb", "da")
    job = connected.post("/jobs", content=audio, params={"language": "auto-each"}).json()
    done = connected.get(f"/jobs/{job['id']}", params={"wait": "60"}).json()
    assert done["status"] == "completed", done
    segments = connected.get(f"/jobs/{job['id']}/result").json()["segments"]
    assert {segment["language"] for segment in segments} == {"nb", "da"}
    assert connected.delete(f"/jobs/{job['id']}").status_code == 204


@pytest.mark.long
def test_openai_client_gets_the_language_and_its_probability(demos: RunningServer) -> None:
    path, _ = samples("da")[0]
    with OpenAI(base_url=f"{demos.address}/v1", api_key="none") as client, path.open("rb") as file:
        answer = client.audio.transcriptions.create(
            model="whisper-1", file=file, language="auto", response_format="verbose_json"
        )
        file.seek(0)
        plain = client.audio.transcriptions.create(model="whisper-1", file=file, language="auto")
        file.seek(0)
        named = client.audio.transcriptions.create(
            model="whisper-1", file=file, language="da", response_format="verbose_json"
        )
    assert answer.language == "da"
    assert (answer.model_extra or {})["language_probability"] > 0.5
    assert plain.to_dict()["languages"] == [{"code": "da"}]
    assert answer.text == named.text == plain.text
    assert "language_probability" not in (named.model_extra or {})


def test_python_client_reads_the_languages(demos: RunningServer) -> None:
    with Client(demos.address) as client:
        answer = client.transcribe(samples("da")[1][0], language="auto")
    assert answer.language == "da"
    assert answer.languages is not None
    assert answer.languages[0].probability == answer.language_probability


@pytest.mark.long
def test_command_detects_the_language_at_a_server(demos: RunningServer, tmp_path: Path) -> None:
    done = subprocess.run(
        [NORDLYD, "transcribe", str(samples("da")[0][0]), "--server", demos.address,
         "--language", "auto", "--format", "json"],
        capture_output=True, text=True, check=False, env=environment({}), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["language"] == "da"


@pytest.mark.long
def test_command_detects_the_language_on_this_machine(tmp_path: Path) -> None:
    done = subprocess.run(
        [NORDLYD, "transcribe", str(samples("nn")[0][0]), "--language", "auto", "--format", "json"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=environment({"DATA": str(tmp_path)}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["language"] == "nn"
    assert len(body["languages"]) == 3


@pytest.mark.parametrize(
    ("path", "query", "param", "message"),
    [
        ("/transcribe", {"language": "auto-each", "n_best": "2"}, "n_best", "auto-each: 1"),
        ("/align", {"language": "auto"}, "language", "no language is detected here"),
        ("/v1/listen", {"language": "auto"}, "language", "no language is detected here"),
    ],
)
def test_where_no_language_is_detected_a_request_for_it_is_refused(
    connected: httpx.Client, path: str, query: dict[str, str], param: str, message: str
) -> None:
    answer = connected.post(path, content=samples("nb")[0][0].read_bytes(), params=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
    assert message in answer.text


def test_stream_names_its_language(demos: RunningServer) -> None:
    address = demos.address.replace("http", "ws", 1)
    with connect(f"{address}/stream?language=auto") as socket:
        event = json.loads(socket.recv())
    assert event["type"] == "error"
    assert event["error"]["param"] == "language"
    assert "no language is detected here" in event["error"]["message"]
