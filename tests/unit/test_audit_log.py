"""The audit log of jobs."""

import json
import stat
from pathlib import Path
from typing import Any

import structlog
from event_loops import on_event_loop
from small_disk import pages, small_disk

from app.audit import AuditLog, requested_from


def entries(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@on_event_loop
async def test_each_action_is_a_line_with_who_and_from_where(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path / "audit.jsonl")
    with requested_from("192.0.2.7"), structlog.contextvars.bound_contextvars(request_id="r-1"):
        await audit.record("submitted", "job_1", "key:a")
    await audit.record("expired", "job_1", "key:a")
    submitted, expired = entries(tmp_path / "audit.jsonl")
    assert submitted.pop("time").endswith("+00:00")
    assert submitted == {
        "action": "submitted",
        "job": "job_1",
        "owner": "key:a",
        "client": "192.0.2.7",
        "request": "r-1",
    }
    assert (expired["action"], expired["client"], expired["request"]) == ("expired", None, None)
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600


@on_event_loop
async def test_log_that_was_rotated_is_begun_again(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    audit = AuditLog(file)
    await audit.record("submitted", "job_1", "")
    file.rename(tmp_path / "audit.jsonl.1")
    await audit.record("deleted", "job_1", "")
    assert [entry["action"] for entry in entries(tmp_path / "audit.jsonl.1")] == ["submitted"]
    assert [entry["action"] for entry in entries(file)] == ["deleted"]


@on_event_loop
async def test_line_that_fits_in_part_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path, pages(8)) as disk:
        file = disk.folder / "audit.jsonl"
        audit = AuditLog(file)
        await audit.record("submitted", "job_1", "key:a")
        # The next line begins on this page, of which it has no other.
        while file.stat().st_size < pages(1) - 200:
            await audit.record("fetched", "job_1", "key:a")
        disk.fill(leave=0)
        before = file.read_bytes()
        await audit.record("deleted", "job_1", "k" * 300)
        assert file.read_bytes() == before
        disk.empty()
        await audit.record("deleted", "job_2", "key:a")
        assert [entry["job"] for entry in entries(file)][-2:] == ["job_1", "job_2"]


@on_event_loop
async def test_log_on_a_full_disk_reports_the_line_and_raises_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.symlink_to("/dev/full")
    with structlog.testing.capture_logs() as records:
        await AuditLog(file).record("deleted", "job_1", "key:a")
    [record] = records
    assert record["log_level"] == "error"
    assert record["reason"] == "No space left on device"
    assert record["entry"]["job"] == "job_1"
