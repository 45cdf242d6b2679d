"""Recordings that wait for the request that hands them in."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from event_loops import on_event_loop

from app.errors import InvalidRequestError
from app.jobs.storage import LocalBlobStore
from app.jobs.uploads import KEEP_SECONDS, UploadStore

_NOW = 1_800_000_000.0


def uploads(folder: Path, now: Callable[[], float]) -> UploadStore:
    async def opened() -> None:
        return None

    return UploadStore(LocalBlobStore(folder), opened, now)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@on_event_loop
async def test_upload_is_opened_by_its_owner_alone(tmp_path: Path) -> None:
    store = uploads(tmp_path, lambda: _NOW)
    upload_id = await store.keep("key:a", io.BytesIO(b"audio"))
    with await store.open("key:a", upload_id) as file:
        assert file.read() == b"audio"
    with pytest.raises(InvalidRequestError, match="There is no such upload"):
        await store.open("key:b", upload_id)


@on_event_loop
async def test_upload_that_was_never_handed_in_is_erased_after_a_day(tmp_path: Path) -> None:
    time = [_NOW]
    store = uploads(tmp_path, lambda: time[0])
    upload_id = await store.keep("key:a", io.BytesIO(b"audio"))
    [file] = files_below(tmp_path)
    # As a process leaves an upload that is killed while it arrives.
    broken_off = file.parent.with_name(upload_id[:-8] + "0" * 8) / ".tmp-audio-1"
    broken_off.parent.mkdir(exist_ok=True)
    broken_off.write_bytes(b"half")
    await store.sweep()
    time[0] += KEEP_SECONDS - 1
    await store.sweep()
    (await store.open("key:a", upload_id)).close()
    time[0] += 3600
    await store.sweep()
    assert files_below(tmp_path) == []
