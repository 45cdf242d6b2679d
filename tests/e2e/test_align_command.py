"""Alignment with the bundled Danish model: a real server's answer and the command line's."""

import json
from pathlib import Path

import httpx
import pytest
from running import RunningServer
from test_command_line import nordlyd

MODEL = Path(__file__).parents[2] / "models" / "demo-da"
SAMPLES = [
    json.loads(line) for line in (MODEL / "samples" / "samples.jsonl").read_text().splitlines()
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first sample's text as people write, with a word that is not said."""
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text(f"– {SAMPLES[0]['text'].capitalize()}, kvasimodo.\n", encoding="utf-8")
    return file


def align(written: Path, style: str) -> str:
    audio = MODEL / "samples" / SAMPLES[0]["audio"]
    ended = nordlyd("align", audio, written, "--model", "demo-da", "--format", style)
    assert ended.returncode == 0, ended.stderr
    words = len(SAMPLES[0]["text"].split()) + 1
    assert ended.stderr == f"nordlyd: 1 of {words} words were not found\n"
    return ended.stdout


def test_the_command_prints_what_the_server_answers(tmp_path: Path, written: Path) -> None:
    server = RunningServer(tmp_path, {"MODELS": "demo-da"}).wait_ready()
    try:
        with server.client() as client:
            answer = client.post(
                "/align?characters=true",
                files={"file": (MODEL / "samples" / SAMPLES[0]["audio"]).read_bytes()},
                data={"text": written.read_text(encoding="utf-8"), "language": "da"},
            ).json()
    finally:
        assert server.stop() == 0
    printed = json.loads(align(written, "json"))
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


@pytest.mark.parametrize(
    ("style", "beginning"),
    [("textgrid", "File type"), ("eaf", "<?xml"), ("srt", "1\n00:00:00,"), ("ctm", "sample-1 1 ")],
)
def test_every_format_is_printed(written: Path, style: str, beginning: str) -> None:
    printed = align(written, style)
    assert printed.startswith(beginning)
    assert SAMPLES[0]["text"].split()[2] in printed
    assert "kvasimodo" not in printed


def test_every_sample_is_found_whole(tmp_path: Path) -> None:
    for sample in SAMPLES[1:]:
        file = tmp_path / "text.txt"
        file.write_text(sample["text"], encoding="utf-8")
        ended = nordlyd("align", MODEL / "samples" / sample["audio"], file, "--model", "demo-da")
        assert (ended.returncode, ended.stderr) == (0, "")


def test_a_text_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    audio = MODEL / "samples" / SAMPLES[0]["audio"]
    ended = nordlyd("align", audio, tmp_path / "none.txt", "--model", "demo-da")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "none.txt: cannot be read" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_text_with_nothing_in_it(client: httpx.Client, clip) -> None:
    answer = client.post("/align", files={"file": clip()}, data={"text": "–", "language": "da"})
    assert answer.status_code == 200
    assert answer.json()["words"] == []
