"""Two processes on one PostgreSQL database that watch the same folder: nothing is done twice."""

import json
import time
from pathlib import Path

import pytest
from jobs_process import JobsProcess
from postgresql import postgresql
from sounds import as_wav, tones

pytestmark = [pytest.mark.postgresql, pytest.mark.long, pytest.mark.timeout(300)]

_RECORDINGS = 12


def written(out: Path) -> dict[str, int]:
    """The results, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*")}


def test_recordings_of_a_shared_folder_are_transcribed_once(tmp_path: Path) -> None:
    source, out, data = tmp_path / "in", tmp_path / "out", tmp_path / "data"
    source.mkdir()
    out.mkdir()
    with postgresql() as server:
        settings: dict[str, object] = {
            "data": str(data), "database_url": server.url,
            "watch": str(source), "watch_out": str(out),
        }  # fmt: skip
        logs = [tmp_path / "log-0", tmp_path / "log-1"]
        processes = [JobsProcess(settings, log) for log in logs]
        try:
            with processes[0].client(), processes[1].client():
                for number in range(_RECORDINGS):
                    (source / f"{number}.wav").write_bytes(as_wav(tones(number, 1.0)))
                until = time.monotonic() + 120
                while len(first := written(out)) < _RECORDINGS:
                    assert time.monotonic() < until, first
                    time.sleep(0.05)
                # Longer than several looks.
                time.sleep(6)
                assert written(out) == first
        finally:
            for process in processes:
                process.kill()
        lines = [json.loads(line) for line in (data / "audit.jsonl").read_text().splitlines()]
        submitted = [line["job"] for line in lines if line["action"] == "submitted"]
        fetched = [line["job"] for line in lines if line["action"] == "fetched"]
        assert len(submitted) == len(set(submitted)) == _RECORDINGS
        assert sorted(fetched) == sorted(submitted)
        for log in logs:
            assert "watching failed" not in log.read_text()
            assert "Traceback" not in log.read_text()
