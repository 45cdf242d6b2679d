"""Two processes on one PostgreSQL database that watch the same folder: nothing is done twice."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from jobs_process import JobsProcess
from postgresql import postgresql
from sounds import as_wav, tones

from app.database import Database
from app.jobs.schema import watch_claims
from app.jobs.watch_records import Watched, WatchRecords

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


def test_claim_that_was_not_renewed_is_taken_over(tmp_path: Path) -> None:
    with postgresql() as server:
        database = Database(tmp_path, server.url)
        try:
            asyncio.run(lose_a_claim(database))
        finally:
            database.close()


async def lose_a_claim(database: Database) -> None:
    ours, others = WatchRecords(database), WatchRecords(database)
    by_us, by_others = (Watched("id", 1, 1, digest, None) for digest in ("ours", "others"))
    async with ours.claim("id") as is_ours, others.claim("id") as is_too_late:
        assert is_ours
        assert not is_too_late
        # As after a process was cut off from the database for long.
        await database.run(
            lambda connection: connection.execute(watch_claims.update().values(claimed_until=0.0))
        )
        async with others.claim("id") as is_taken_over:
            assert is_taken_over
            await others.put(by_others)
            await ours.put(by_us)
        assert await ours.find("id") == by_others
    async with ours.claim("id") as is_released:
        assert is_released
