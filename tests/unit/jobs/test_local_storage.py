"""The storage of jobs in a folder: whole or not at all, private, and gone after deletion."""

import asyncio
import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from event_loops import on_event_loop

from app.errors import JobsUnavailableError
from app.jobs.storage import LocalBlobStore


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "data")


def names_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@on_event_loop
async def test_only_the_owner_can_read_what_is_stored(store: LocalBlobStore) -> None:
    before = os.umask(0)
    try:
        await store.put("jobs/a/emissions/0", b"x")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [store.folder, *store.folder.rglob("*")]}
    assert modes == {0o700, 0o600}


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "jobs/../../x", "jobs//x", "jobs/.x", "jobs/a b", "jobs/x/"]
)
@on_event_loop
async def test_key_that_leaves_the_folder_is_refused(store: LocalBlobStore, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        await store.put(key, b"x")
    with pytest.raises(ValueError, match="is no key"):
        await store.get(key)


@pytest.mark.parametrize("prefix", ["", "/", "jobs", "../", "jobs/../", "jobs//"])
@on_event_loop
async def test_prefix_that_is_no_folder_is_refused(store: LocalBlobStore, prefix: str) -> None:
    with pytest.raises(ValueError, match="is no prefix"):
        await store.delete_prefix(prefix)


@on_event_loop
async def test_cancelled_write_leaves_nothing_behind(store: LocalBlobStore) -> None:
    class Slow(io.RawIOBase):
        """Gives one block, then the next once the test allows."""

        def __init__(self) -> None:
            self.begun = threading.Event()
            self.proceed = threading.Event()

        def read(self, size: int = -1) -> bytes:
            self.begun.set()
            assert self.proceed.wait(20)
            return b"x" * 1000

    source = Slow()
    writing = asyncio.create_task(store.put("jobs/a/audio", source))  # type: ignore[arg-type]
    await asyncio.to_thread(source.begun.wait, 20)
    writing.cancel()
    await asyncio.sleep(0)
    # The write ends before the cancelled call does, so that nothing appears afterwards.
    assert not writing.done()
    source.proceed.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert names_below(store.folder) == ["jobs", "jobs/a"]


@on_event_loop
async def test_failing_source_leaves_the_old_content(store: LocalBlobStore) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise RuntimeError("broken")

    await store.put("jobs/a/audio", b"old")
    with pytest.raises(RuntimeError, match="broken"):
        await store.put("jobs/a/audio", Broken())  # type: ignore[arg-type]
    assert await store.get("jobs/a/audio") == b"old"
    assert names_below(store.folder) == ["jobs", "jobs/a", "jobs/a/audio"]


@on_event_loop
async def test_leftovers_of_a_killed_process_go_with_their_blob(store: LocalBlobStore) -> None:
    await store.put("jobs/a/audio", b"x")
    await store.put("jobs/a/result.json", b"x")
    # As a process leaves them that is killed while it writes.
    for name in (".tmp-audio-0123456789abcdef", ".tmp-result.json-0123456789abcdef"):
        (store.folder / "jobs/a" / name).write_bytes(b"half")
    await store.delete("jobs/a/audio")
    assert names_below(store.folder / "jobs/a") == [
        ".tmp-result.json-0123456789abcdef",
        "result.json",
    ]
    await store.delete_prefix("jobs/a/")
    assert await store.folders("jobs/") == []


@on_event_loop
async def test_storage_that_is_gone_is_unavailable_and_comes_back(store: LocalBlobStore) -> None:
    await store.put("jobs/a/audio", b"x")
    gone = store.folder.with_name("unmounted")
    store.folder.rename(gone)
    with pytest.raises(JobsUnavailableError):
        await store.get("jobs/a/audio")
    with pytest.raises(JobsUnavailableError):
        await store.put("jobs/b/audio", b"x")
    with pytest.raises(JobsUnavailableError):
        await store.delete_prefix("jobs/a/")
    assert not store.folder.exists()
    gone.rename(store.folder)
    assert await store.get("jobs/a/audio") == b"x"


_FILL = """
import asyncio, resource, signal, sys
from pathlib import Path
from app.errors import InsufficientStorageError
from app.jobs.storage import LocalBlobStore

async def main():
    store = LocalBlobStore(Path(sys.argv[1]))
    await store.put("jobs/a/audio", b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    for key in ("jobs/a/audio", "jobs/b/audio"):
        try:
            await store.put(key, b"x" * 2**21)
        except InsufficientStorageError as error:
            print(error.status)

asyncio.run(main())
"""


def test_file_that_does_not_fit_is_refused_and_removed(tmp_path: Path) -> None:
    # In a process of its own: the limit holds for every file that it writes.
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["507", "507"]
    assert (tmp_path / "data/jobs/a/audio").read_bytes() == b"old"
    assert names_below(tmp_path / "data") == ["jobs", "jobs/a", "jobs/a/audio", "jobs/b"]
