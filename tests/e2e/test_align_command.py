"""Alignment with the bundled Danish model: a real server's answer and the command line's."""

import json
from pathlib import Path

import httpx
import pytest
from running import RunningServer
from test_command_line import nordlyd

from app.formats import FORMATS
from nordlyd_client.cli import options

pytestmark = pytest.mark.long

MODEL = Path(__file__).parents[2] / "models" / "demo-da"
SAMPLES = [
    json.loads(line) for line in (MODEL / "samples" / "samples.jsonl").read_text().splitlines()
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first sample's text as people write, with a word that is not spoken."""
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text(f"– {SAMPLES[0]['text'].capitalize()}, kvasimodo.\n", encoding="utf-8")
    return file


def align(written: Path, *arguments: str | Path) -> str:
    audio = MODEL / "samples" / SAMPLES[0]["audio"]
    ended = nordlyd("align", audio, written, "--model", "demo-da", *arguments)
    assert ended.returncode == 0, ended.stderr
    words = len(SAMPLES[0]["text"].split()) + 1
    assert ended.stderr == f"nordlyd: 1 of {words} words were not found\n"
    return ended.stdout


@pytest.mark.long
def test_command_prints_the_answer_of_the_server(demos: RunningServer, written: Path) -> None:
    with demos.client() as client:
        answer = client.post(
            "/align?characters=true",
            files={"file": (MODEL / "samples" / SAMPLES[0]["audio"]).read_bytes()},
            data={"text": written.read_text(encoding="utf-8"), "language": "da"},
        ).json()
    printed = json.loads(align(written))
    assert list(printed) == list(answer)
    assert printed["words"] == answer["words"]
    *found, lost = printed["words"]
    assert [word["word"] for word in found[1:-1]] == SAMPLES[0]["text"].split()[1:-1]
    assert found[0]["word"].startswith("– ")
    assert all(word["found"] for word in found)
    assert not lost["found"]
    times = [word[end] for word in found for end in ("start", "end")]
    assert times == sorted(times)
    assert times[-1] <= printed["duration"]
    answered = json.loads(align(written, "--server", demos.address))
    assert answered["words"] == printed["words"]


@pytest.mark.long
def test_every_format_is_the_same_from_both_backends(
    demos: RunningServer, written: Path, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    files = align(written, "--format", "all", "--output", here).splitlines()
    align(written, "--format", "all", "--output", there, "--server", demos.address)
    assert len(files) == len(FORMATS)
    beginnings = {
        "TextGrid": "File type", "eaf": "<?xml", "srt": "1\n00:00:00,", "ctm": "sample-1 1 ",
        "md": "# sample-1", "exb": "<?xml", "ttml": "<?xml", "vtt": "WEBVTT",
        "tsv": "start\tend", "stm": "sample-1 1 ", "rttm": "SPEAKER sample-1 1 ",
    }  # fmt: skip
    for file in map(Path, files):
        if file.suffix[1:] in options.BINARY:
            assert (there / file.name).read_bytes() == file.read_bytes()
            continue
        text = file.read_text(encoding="utf-8")
        assert (SAMPLES[0]["text"].split()[2] in text) is (file.suffix != ".rttm")
        assert text.startswith(beginnings.get(file.suffix[1:], ""))
        if file.suffix not in {".json", ".eaf", ".exb"}:
            assert "kvasimodo" not in text
            assert (there / file.name).read_text(encoding="utf-8") == text
    assert align(written, "--format", "srt", "--server", demos.address) == (
        here / "sample-1.srt"
    ).read_text(encoding="utf-8")


def test_every_word_of_every_sample_is_found(demos: RunningServer, tmp_path: Path) -> None:
    for sample in SAMPLES[1:]:
        file = tmp_path / "text.txt"
        file.write_text(sample["text"], encoding="utf-8")
        audio = MODEL / "samples" / sample["audio"]
        ended = nordlyd("align", audio, file, "--model", "demo-da", "--server", demos.address)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_unreadable_text_is_one_line(tmp_path: Path) -> None:
    audio = MODEL / "samples" / SAMPLES[0]["audio"]
    ended = nordlyd("align", audio, tmp_path / "none.txt", "--model", "demo-da")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "none.txt: cannot be read" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_empty_text_is_refused(client: httpx.Client, clip) -> None:
    answer = client.post("/align", files={"file": clip()}, data={"text": "–", "language": "da"})
    assert answer.status_code == 200
    assert answer.json()["words"] == []
