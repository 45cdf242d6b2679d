"""A watched folder whose service is killed while it works: all is done, and nothing twice."""

import time
from pathlib import Path

import pytest
from jobs_process import JobsProcess
from sounds import as_wav, tones

RECORDINGS = 12

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def texts(folder: Path) -> dict[str, tuple[str, int]]:
    """The results in a folder, and when each was written."""
    return {
        path.name: (path.read_text(), path.stat().st_mtime_ns)
        for path in folder.glob("*.txt")
        if not path.name.startswith(".")
    }


def wait_for_texts(folder: Path, number: int) -> None:
    until = time.monotonic() + 90
    while len(texts(folder)) < number:
        assert time.monotonic() < until, texts(folder)
        time.sleep(0.05)


def test_watched_folder_survives_kills(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    for number in range(RECORDINGS):
        (source / f"møte {number}.wav").write_bytes(as_wav(tones(number, 2)))
    settings: dict[str, object] = {
        "data": str(tmp_path / "data"), "watch": str(source), "watch_out": str(out),
    }  # fmt: skip
    for enough in (1, 4):
        process = JobsProcess(settings, tmp_path / "log")
        try:
            with process.client():
                wait_for_texts(out, enough)
        finally:
            process.kill()
    before = texts(out)
    process = JobsProcess(settings, tmp_path / "log")
    try:
        with process.client():
            wait_for_texts(out, RECORDINGS)
            # Longer than a recording must stay unchanged, and a look.
            time.sleep(9)
    finally:
        process.kill()
    after = texts(out)
    assert {name: text for name, (text, _) in after.items()} == {
        f"møte {number}.wav.txt": "a\n" for number in range(RECORDINGS)
    }
    audit = (tmp_path / "data/audit.jsonl").read_text().splitlines()
    # A kill may come before the line of a job.
    assert len([line for line in audit if '"submitted"' in line]) <= RECORDINGS
    # A kill between the writing of results and the note of it repeats the writing, of one at most.
    rewritten = [name for name, (_, written) in before.items() if after[name][1] != written]
    assert len(rewritten) <= 1
