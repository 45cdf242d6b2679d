"""What `nordlyd-train segment` refuses, each with one line and no folder left behind."""

import sys
from pathlib import Path

import pytest
import soundfile
from demo_model import DEMO

from bench.meetings import make_meeting, verbatim
from trainer.cli import main


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    made = make_meeting(verbatim(["det er en prøve"]), language="nb", seed=1)
    made.save(tmp_path / "meeting.flac", tmp_path / "meeting.txt")
    return tmp_path / "meeting.flac"


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> str:
    monkeypatch.setattr(sys, "argv", ["nordlyd-train", "segment", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_folder_that_is_there_is_not_overwritten(
    recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    transcript = recording.with_suffix(".txt")
    for output in (recording.parent, transcript):
        line = refusal(monkeypatch, capsys, recording, transcript, "--output", output)
        assert "is there already; choose another folder" in line


def test_model_that_is_not_there_is_named(
    recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = (recording, recording.with_suffix(".txt"), "--output", recording.parent / "data")
    assert "no-such-model" in refusal(monkeypatch, capsys, *both, "--model", "no-such-model")
    assert not (recording.parent / "data").exists()


@pytest.mark.long
def test_transcript_of_something_else_leaves_no_folder(
    recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    transcript = recording.with_suffix(".txt")
    transcript.write_text("fisken svømmer under isen og ingen ser noe før våren", "utf-8")
    output = recording.parent / "data"
    line = refusal(monkeypatch, capsys, recording, transcript, "--output", output, "--model", DEMO)
    assert line.startswith("nothing could be kept: no transcript has what is said")
    soundfile.write(recording, [], 16000)
    line = refusal(monkeypatch, capsys, recording, transcript, "--output", output, "--model", DEMO)
    assert line.startswith("nothing could be kept; the first: meeting: ")
    assert not list(recording.parent.glob("data*"))
