"""The facts of a recording's file, in the client's values and on the command line."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from running import NORDLYD, environment
from scripted_server import Answer, answers, scripted_server, transcription

from nordlyd_client import AudioFile, Client, Notice, Track

FILE = {
    "container": "Matroska", "codec": "opus", "channels": 1, "rate": 16000, "track": 1,
    "tracks": [
        {"index": 0, "codec": "aac", "channels": 2, "rate": 48000, "language": "eng"},
        {"index": 1, "codec": "opus", "channels": 1, "rate": 16000, "language": None},
    ],
}  # fmt: skip
WARNINGS = [{"code": "resynchronised", "message": "At 3.2 s 417 bytes were skipped."}]


def answer(**more: Any) -> Answer:
    return Answer(200, json.dumps(json.loads(transcription().body) | more))


def test_client_sends_the_track_and_returns_the_facts_of_the_file() -> None:
    with scripted_server(answers(answer(audio=FILE, warnings=WARNINGS))) as server:
        with Client(server.url) as client:
            transcription = client.transcribe(b"sound", track=1, strict=True)
        [(path, _)] = server.requests
    assert path == "/transcribe?track=1&strict=true"
    assert transcription.audio == AudioFile(
        "Matroska", "opus", 1, 16000,
        (Track(0, "aac", 2, 48000, "eng"), Track(1, "opus", 1, 16000, None)), track=1,
    )  # fmt: skip
    assert transcription.warnings == (Notice("resynchronised", WARNINGS[0]["message"]),)


def test_answer_of_an_older_server_has_no_facts() -> None:
    with scripted_server(answers(transcription())) as server, Client(server.url) as client:
        older = client.transcribe(b"sound")
    assert (older.audio, older.warnings) == (None, ())


@pytest.mark.parametrize("form", ["text", "json"])
def test_command_line_prints_warnings_on_stderr_and_the_answer_whole(
    tmp_path: Path, form: str
) -> None:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"sound")
    with scripted_server(answers(answer(audio=FILE, warnings=WARNINGS))) as server:
        ended = subprocess.run(
            [NORDLYD, "transcribe", recording, "--server", server.url, "--track", "nob",
             "--strict", "--format", form],
            check=False, env=environment({}), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        [(path, _)] = server.requests
    assert ended.returncode == 0, ended.stderr
    assert "track=nob" in path
    assert "strict=true" in path
    assert f"a.wav: warning: {WARNINGS[0]['message']}" in ended.stderr
    if form == "json":
        body = json.loads(ended.stdout)
        assert (body["audio"], body["warnings"]) == (FILE, WARNINGS)
    else:
        assert ended.stdout == "ja\n"
