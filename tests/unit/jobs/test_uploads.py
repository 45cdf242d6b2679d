"""Recordings that wait for the request that hands them in."""

import asyncio
import io
from pathlib import Path

import pytest

from app.errors import InvalidRequestError
from app.jobs.storage import LocalBlobStore
from app.jobs.uploads import KEEP_SECONDS, UploadStore

HOUR = 3600.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


async def _open() -> None:
    """Nothing has to be opened first."""


def store_in(folder: Path, clock: Clock) -> UploadStore:
    return UploadStore(LocalBlobStore(folder), _open, now=clock)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_upload_is_opened_by_its_owner_alone(tmp_path: Path) -> None:
    async def run() -> None:
        store = store_in(tmp_path, Clock())
        source = io.BytesIO(b"speech")
        upload_id = await store.keep("key-a", source)
        assert source.closed
        with await store.open("key-a", upload_id) as file:
            assert file.read() == b"speech"
        for owner, name in (
            ("key-b", upload_id),
            ("", upload_id),
            ("key-a", upload_id[:-1] + "x"),
            ("key-a", "../../etc/passwd"),
        ):
            with pytest.raises(InvalidRequestError, match="no such upload"):
                await store.open(owner, name)

    asyncio.run(run())


def test_upload_that_was_handed_in_is_erased(tmp_path: Path) -> None:
    async def run() -> None:
        store = store_in(tmp_path, Clock())
        kept = await store.keep("key-a", io.BytesIO(b"kept"))
        upload_id = await store.keep("key-a", io.BytesIO(b"handed in"))
        await store.erase("key-a", upload_id)
        with pytest.raises(InvalidRequestError):
            await store.open("key-a", upload_id)
        (await store.open("key-a", kept)).close()

    asyncio.run(run())
    assert [path.read_bytes() for path in files(tmp_path)] == [b"kept"]


def test_upload_that_waited_for_a_day_is_erased(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        store = store_in(tmp_path, clock)
        old = await store.keep("", io.BytesIO(b"old"))
        await store.sweep()
        clock.seconds += KEEP_SECONDS - HOUR
        new = await store.keep("", io.BytesIO(b"new"))
        await store.sweep()
        (await store.open("", old)).close()
        clock.seconds += 2 * HOUR
        await store.sweep()
        with pytest.raises(InvalidRequestError):
            await store.open("", old)
        (await store.open("", new)).close()

    asyncio.run(run())
    assert [path.read_bytes() for path in files(tmp_path)] == [b"new"]


def test_upload_that_broke_off_is_erased_too(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        store = store_in(tmp_path, clock)
        upload_id = await store.keep("", io.BytesIO(b"whole"))
        [file] = files(tmp_path)
        # As a process leaves an upload that is killed while it arrives.
        broken_off = file.parent.with_name(upload_id[:-8] + "0" * 8) / ".tmp-audio-1"
        broken_off.parent.mkdir(exist_ok=True)
        broken_off.write_bytes(b"half")
        clock.seconds += KEEP_SECONDS + HOUR
        await store.sweep()

    asyncio.run(run())
    assert files(tmp_path) == []
