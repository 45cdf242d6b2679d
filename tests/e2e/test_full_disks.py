"""The command line on a full disk: errors without a traceback, and no half of a file."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import NORDLYD, RunningServer, environment
from small_disk import SmallDisk, pages, small_disk
from sounds import as_wav, tones

pytestmark = pytest.mark.long


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", pages(64)) as small:
        yield small


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a command of `nordlyd`; there is never a traceback."""
    ended = subprocess.run(
        [NORDLYD, *map(str, arguments)], env=environment({}),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def test_output_folder_on_a_full_disk_is_continued_once_there_is_room(
    server: RunningServer, disk: SmallDisk, tmp_path: Path
) -> None:
    recordings = tmp_path / "in"
    recordings.mkdir()
    for number in range(3):
        (recordings / f"{number}.wav").write_bytes(as_wav(tones(number, 1.0)))
    (recordings / "3.wav").write_bytes(as_wav(tones(3, 1.0))[:20_000])
    out = disk.folder / "out"
    expected = tmp_path / "expected"
    command = ["transcribe", recordings, "--server", server.address, "--language", "nb"]
    assert run(*command, "--output", expected).returncode == 1
    texts = {path.name: path.read_text() for path in expected.glob("[!.]*.txt")}
    reports = []
    # The list of jobs, the journal, the texts and the list of failures each need a page or two.
    for left in (0, 2, 4):
        disk.fill(leave=pages(left))
        ended = run(*command, "--output", out)
        assert ended.returncode == 1
        reports.append("No space left on device" in ended.stderr)
        for path in out.glob("[!.]*.txt"):
            assert path.read_text() == texts[path.name] or path.name == "failed.txt"
        assert not list(out.glob(".*.part"))
        disk.empty()
    assert reports[:2] == [True, True]
    assert run(*command, "--output", out).returncode == 1
    assert {path.name: path.read_text() for path in out.glob("[!.]*.txt")} == texts
    journal = (out / ".nordlyd" / "journal.jsonl").read_text().splitlines()
    assert {Path(json.loads(line)["file"]).name for line in journal} == {"0.wav", "1.wav", "2.wav"}
