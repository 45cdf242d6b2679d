"""`nordlyd subtitles check`: the rules that files break, and the exit status."""

import json
from pathlib import Path

import pytest
from test_command_line import nordlyd

pytestmark = pytest.mark.long

CUE = "1\n00:00:01,000 --> 00:00:02,900\nen ganske kort linje\n"


def test_broken_rules_are_listed_and_the_status_is_1(tmp_path: Path) -> None:
    file = tmp_path / "talk.srt"
    file.write_text(CUE, "utf-8")
    ended = nordlyd("subtitles", "check", file)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    ended = nordlyd("subtitles", "check", file, "--rules", "dr")
    assert ended.returncode == 1
    assert ended.stdout == f"{file}: cue 1 at 00:00:01.000: too-short: 1900 ms, limit 2000\n"
    ended = nordlyd("subtitles", "check", file, "--reading-speed", "10", "--json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout) == {
        "file": str(file), "cue": 1, "start": 1000, "rule": "reading-speed", "value": 10.5,
        "limit": 10.0,
    }  # fmt: skip


def test_unknown_rules_and_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "talk.srt"
    file.write_text(CUE, "utf-8")
    ended = nordlyd("subtitles", "check", file, "--rules", "bbc")
    assert ended.returncode == 1
    assert "accepted: netflix, nrk, dr" in ended.stderr
    other = tmp_path / "text.txt"
    other.write_text("bare tekst", "utf-8")
    assert "SubRip" in nordlyd("subtitles", "check", other).stderr
    assert "No such file" in nordlyd("subtitles", "check", tmp_path / "absent.srt").stderr
