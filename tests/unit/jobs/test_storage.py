"""What every storage of jobs does, in a folder and in a bucket of a real server."""

import io
import os
import sys
from pathlib import Path

import pytest
from event_loops import on_event_loop

from app.errors import BlobNotFoundError, ConfigurationError
from app.jobs.storage import BlobStore, open_storage


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.long)])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BlobStore:
    if request.param == "folder":
        return open_storage(None, tmp_path)
    for name, value in request.getfixturevalue("s3_server").environment.items():
        monkeypatch.setenv(name, value)
    return open_storage(f"s3://nordlyd/{tmp_path.name}", tmp_path)


@pytest.mark.parametrize("make", [bytes, io.BytesIO], ids=["bytes", "stream"])
@on_event_loop
async def test_stored_blob_is_returned_whole(store: BlobStore, make: type) -> None:
    content = bytes(range(256)) * 10_000
    await store.put("jobs/a/audio", make(content))
    assert await store.get("jobs/a/audio") == content
    with await store.open("jobs/a/audio") as file:
        file.seek(-3, os.SEEK_END)
        assert file.read() == content[-3:]


@on_event_loop
async def test_second_content_replaces_the_first(store: BlobStore) -> None:
    await store.put("jobs/a/result.json", b"a longer first content")
    await store.put("jobs/a/result.json", b"second")
    assert await store.get("jobs/a/result.json") == b"second"


@on_event_loop
async def test_missing_blob_is_reported_as_missing(store: BlobStore) -> None:
    assert not await store.exists("jobs/a/audio")
    assert await store.folders("jobs/") == []
    for read in (store.get, store.open):
        with pytest.raises(BlobNotFoundError):
            await read("jobs/a/audio")
    await store.delete_prefix("jobs/a/")


@on_event_loop
async def test_deletion_removes_one_job_and_no_other(store: BlobStore) -> None:
    keys = ("jobs/a/audio", "jobs/a/emissions/0", "jobs/ab/audio")
    for key in keys:
        await store.put(key, b"x")
    assert await store.folders("jobs/") == ["jobs/a/", "jobs/ab/"]
    assert await store.folders("jobs/a/") == ["jobs/a/emissions/"]
    await store.delete_prefix("jobs/a/")
    assert await store.folders("jobs/") == ["jobs/ab/"]
    assert [await store.exists(key) for key in keys] == [False, False, True]


@on_event_loop
async def test_deleted_blob_is_missing_and_others_stay(store: BlobStore) -> None:
    await store.put("jobs/a/audio", os.urandom(17 * 2**20))
    await store.put("jobs/a/result.json", b"{}")
    await store.delete("jobs/a/audio")
    await store.delete("jobs/a/audio")
    assert not await store.exists("jobs/a/audio")
    assert await store.get("jobs/a/result.json") == b"{}"


@on_event_loop
async def test_blob_of_several_parts_is_replaced_as_a_whole(store: BlobStore) -> None:
    for content in (os.urandom(35 * 2**20), os.urandom(17 * 2**20), b"", os.urandom(16 * 2**20)):
        await store.put("jobs/a/audio", io.BytesIO(content))
        assert await store.get("jobs/a/audio") == content
        with await store.open("jobs/a/audio") as file:
            assert file.read() == content


@on_event_loop
async def test_stream_is_stored_from_its_position(store: BlobStore) -> None:
    source = io.BytesIO(b"before after")
    source.seek(7)
    await store.put("jobs/a/audio", source)
    assert await store.get("jobs/a/audio") == b"after"
    assert not source.closed


def test_location_that_is_neither_folder_nor_bucket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be a folder or s3://bucket/prefix"):
        open_storage("ftp://example.org/jobs", tmp_path)
    with pytest.raises(ConfigurationError, match="NORDLYD_STORAGE is 's3:///jobs'"):
        open_storage("s3:///jobs", tmp_path)


def test_bucket_without_its_package_is_refused_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "app.jobs.storage.s3", raising=False)
    with pytest.raises(ConfigurationError, match=r"pip install 'nordlyd\[s3\]'"):
        open_storage("s3://nordlyd/jobs", tmp_path)
