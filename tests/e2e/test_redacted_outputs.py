"""Redaction end to end: jobs, live streams, commands, the Python client and OpenAI's API."""

import asyncio
import json
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from demo_model import DEMO, sample_texts
from live import converse, live_url, recording, sample
from running import RunningServer
from test_command_line import nordlyd
from test_http_refusals import assert_error

from nordlyd_client import Client

pytestmark = pytest.mark.long

SAMPLE = DEMO / "samples" / "sample-1.flac"
WORD = "sjakkmønster"
OPTIONS = {"language": "nb", "redact": "names", "redact_names": WORD}


def test_stored_result_of_a_job_is_masked_in_every_format(demos: RunningServer) -> None:
    assert WORD in sample_texts()[0]
    with demos.client() as client:
        job = client.post("/jobs", content=SAMPLE.read_bytes(), params=OPTIONS).json()["id"]
        assert client.get(f"/jobs/{job}", params={"wait": 60}).json()["status"] == "completed"
        for name in ("json", "text", "srt", "tsv", "ctm", "eaf"):
            query = {"response_format": name}
            text = client.get(f"/jobs/{job}/result", params=query).text
            assert "[navn]" in text, name
            assert WORD not in text, name
        kept = list(demos.log.parent.glob(f"data/**/{job}/**/result*"))
        assert kept
        assert not any(WORD.encode() in path.read_bytes() for path in kept if path.is_file())
        client.delete(f"/jobs/{job}")


def test_client_and_command_give_what_the_server_gives(
    demos: RunningServer, tmp_path: Path
) -> None:
    with demos.client() as client:
        expected = client.post("/transcribe", content=SAMPLE.read_bytes(), params=OPTIONS).json()
    with Client(demos.address) as client:
        answer = client.transcribe(SAMPLE, language="nb", redact=["names"], redact_names=[WORD])
    assert answer.text == expected["text"]
    assert [item.kind for item in answer.redactions or ()] == ["names"]
    ended = nordlyd(
        "transcribe", SAMPLE, "--language", "nb", "--redact", "names", "--redact-names", WORD,
        "--format", "json", settings={"MODELS": "demo-nb"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    body = json.loads(ended.stdout)
    assert body["text"] == expected["text"]
    assert body["redactions"] == expected["redactions"]


def test_copy_of_the_recording_is_silent_where_the_text_is_masked(
    demos: RunningServer, tmp_path: Path
) -> None:
    with demos.client() as client:
        answer = client.post("/transcribe", content=SAMPLE.read_bytes(), params=OPTIONS)
    transcript, copy = tmp_path / "transcript.json", tmp_path / "copy.flac"
    transcript.write_bytes(answer.content)
    ended = nordlyd("silence", SAMPLE, transcript, copy)
    assert ended.returncode == 0, ended.stderr
    samples, rate = soundfile.read(copy)
    assert rate == 16_000
    (redaction,) = answer.json()["redactions"]
    start, end = (round(redaction[name] * rate) for name in ("start", "end"))
    assert np.abs(samples[start:end]).max() == 0
    assert np.abs(samples[: start - rate // 2]).max() > 0.01
    assert abs(len(samples) / rate - answer.json()["duration"]) < 0.01


def refused(*arguments: str | Path) -> str:
    ended: subprocess.CompletedProcess[str] = nordlyd("silence", *arguments)
    assert ended.returncode == 1
    return ended.stderr


def test_silence_refuses_other_transcripts_and_other_endings(tmp_path: Path) -> None:
    plain = tmp_path / "plain.json"
    plain.write_text('{"text": "ja"}')
    assert "redact" in refused(SAMPLE, plain, tmp_path / "copy.flac")
    masked = tmp_path / "masked.json"
    masked.write_text('{"redactions": []}')
    assert ".flac, .wav" in refused(SAMPLE, masked, tmp_path / "copy.mp3")
    assert "cannot be written" in refused(SAMPLE, masked, tmp_path / "absent" / "copy.wav")


def test_openai_route_masks_too_also_in_a_stream(demos: RunningServer) -> None:
    form = OPTIONS | {"model": "whisper-1", "response_format": "verbose_json"}
    with demos.client() as client:

        def post(**fields: str) -> httpx.Response:
            file = {"file": SAMPLE.read_bytes()}
            return client.post("/v1/audio/transcriptions", data=form | fields, files=file)

        answer = post()
        assert answer.status_code == 200, answer.text
        assert "[navn]" in answer.json()["text"]
        assert WORD not in answer.text
        streamed = post(stream="true", response_format="json")
        assert streamed.status_code == 200
        assert "[navn]" in streamed.text
        assert WORD not in streamed.text


def test_live_stream_is_masked_and_has_no_partial_results(demos: RunningServer) -> None:
    url = live_url(demos, **OPTIONS, format_text="true")
    log = asyncio.run(converse(url, recording(sample(1))))
    assert log.closed == 1000
    assert "[navn]" in log.text
    assert WORD not in json.dumps(log.messages, ensure_ascii=False)
    assert log.of("partial") == []
    found = [item for final in log.of("final") for item in final["redactions"]]
    assert [item["kind"] for item in found] == ["names"]
    assert any("[navn]" in final["formatted_text"] for final in log.of("final"))


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"redact": "address"}, "redact"),
        ({"redact": "names"}, "redact_names"),
        ({"redact_names": WORD}, "redact_names"),
        ({"redact": "phone", "n_best": 2}, "n_best"),
    ],
)
def test_live_stream_refuses_what_it_cannot_mask(
    demos: RunningServer, query: dict[str, object], param: str
) -> None:
    log = asyncio.run(converse(live_url(demos, language="nb", **query), []))
    assert log.error["param"] == param
    assert log.closed == 1008


def test_stream_command_prints_masked_text(demos: RunningServer) -> None:
    ended = nordlyd(
        "stream", SAMPLE, "--language", "nb", "--redact", "names", "--redact-names", WORD,
        settings={"SERVER": demos.address},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "[navn]" in ended.stdout
    assert WORD not in ended.stdout


@pytest.mark.parametrize("language", ["auto", "auto-each"])
def test_text_in_a_detected_language_is_masked(demos: RunningServer, language: str) -> None:
    query = OPTIONS | {"language": language, "format_text": "true"}
    with demos.client() as client:
        answer = client.post("/transcribe", content=SAMPLE.read_bytes(), params=query)
    body = answer.json()
    assert WORD not in answer.text
    assert "[navn]" in body["formatted_text"]
    assert [item["kind"] for item in body["redactions"]] == ["names"]


def test_unknown_kind_is_refused_by_jobs_too(demos: RunningServer) -> None:
    with demos.client() as client:
        answer = client.post("/jobs", content=b"x", params={"redact": "address"})
    message = assert_error(answer, 400, code="invalid_request", param="redact")
    assert "national-id, phone, card, email, names or all" in message
