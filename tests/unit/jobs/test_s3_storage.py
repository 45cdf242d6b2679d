"""The storage of jobs in a bucket, when uploads break off and when the server is gone."""

import asyncio
import io
import threading
from pathlib import Path

import pytest
from event_loops import on_event_loop
from s3_server import S3Server
from scripted_server import Answer, answers, scripted_server

from app.errors import BlobNotFoundError, InsufficientStorageError, JobsUnavailableError
from app.jobs.storage import BlobStore, open_storage

pytestmark = pytest.mark.long

_PART = 16 * 2**20


@pytest.fixture
def store(s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return open_storage(f"s3://nordlyd/{tmp_path.name}", tmp_path)


class _Source(io.RawIOBase):
    """Gives three parts, then calls `then`."""

    def __init__(self, then: "threading.Event | None" = None) -> None:
        self.left = 3 * _PART
        self.reached = threading.Event()
        self.proceed = then

    def read(self, size: int = -1) -> bytes:
        if self.left:
            self.left -= size
            return b"x" * size
        self.reached.set()
        if self.proceed is None:
            raise RuntimeError("broken")
        assert self.proceed.wait(20)
        return b""


@on_event_loop
async def test_upload_whose_source_breaks_leaves_no_object(
    store: BlobStore, s3_server: S3Server
) -> None:
    before = s3_server.objects()
    with pytest.raises(RuntimeError, match="broken"):
        await store.put("jobs/a/audio", _Source())  # type: ignore[arg-type]
    assert s3_server.objects() == before


@on_event_loop
async def test_cancelled_upload_leaves_no_object(store: BlobStore, s3_server: S3Server) -> None:
    before = s3_server.objects()
    source = _Source(threading.Event())
    writing = asyncio.create_task(store.put("jobs/a/audio", source))  # type: ignore[arg-type]
    await asyncio.to_thread(source.reached.wait, 20)
    writing.cancel()
    # The cancellation arrives while the source is being read.
    await asyncio.sleep(0)
    assert source.proceed is not None
    source.proceed.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert s3_server.objects() == before


@on_event_loop
async def test_parts_of_an_upload_that_was_killed_go_with_their_job(
    store: BlobStore, s3_server: S3Server, tmp_path: Path
) -> None:
    # As a process leaves them that was killed before the last object.
    raw = s3_server.store(tmp_path.name)
    raw.put("jobs/a/audio.parts/0123456789abcdef/00001", b"x")
    assert await store.folders("jobs/") == ["jobs/a/"]
    with pytest.raises(BlobNotFoundError):
        await store.get("jobs/a/audio")
    await store.delete_prefix("jobs/a/")
    assert [key for key in s3_server.objects() if key.startswith(tmp_path.name)] == []


@on_event_loop
async def test_deletion_removes_every_part(
    store: BlobStore, s3_server: S3Server, tmp_path: Path
) -> None:
    await store.put("jobs/a/audio", b"x" * (_PART + 1))
    assert len([key for key in s3_server.objects() if key.startswith(tmp_path.name)]) == 2
    await store.delete("jobs/a/audio")
    assert [key for key in s3_server.objects() if key.startswith(tmp_path.name)] == []


@on_event_loop
async def test_server_that_is_gone_is_unavailable_and_comes_back_with_everything(
    store: BlobStore, s3_server: S3Server
) -> None:
    await store.put("jobs/a/audio", b"kept")
    s3_server.stop()
    try:
        for request in (
            store.get("jobs/a/audio"),
            store.open("jobs/a/audio"),
            store.put("jobs/b/audio", b"x"),
            store.exists("jobs/a/audio"),
            store.delete("jobs/a/audio"),
            store.folders("jobs/"),
            store.delete_prefix("jobs/a/"),
        ):
            with pytest.raises(JobsUnavailableError):
                await request
    finally:
        s3_server.start()
    assert await store.get("jobs/a/audio") == b"kept"


@on_event_loop
async def test_bucket_that_does_not_exist_is_unavailable(store: BlobStore, tmp_path: Path) -> None:
    absent = open_storage("s3://absent/jobs", tmp_path)
    with pytest.raises(JobsUnavailableError):
        await absent.put("jobs/a/audio", b"x")
    with pytest.raises(JobsUnavailableError):
        await absent.get("jobs/a/audio")


@pytest.mark.parametrize(
    ("status", "code"), [(507, "XMinioStorageFull"), (403, "QuotaExceeded")], ids=["minio", "ceph"]
)
def test_full_storage_is_reported_as_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    # As MinIO and Ceph answer; the server of the other tests has no such answer.
    refusal = Answer(status, f"<Error><Code>{code}</Code><Message>Full.</Message></Error>")
    with scripted_server(answers(refusal)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nordlyd")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        full = open_storage("s3://nordlyd/jobs", tmp_path)
        with pytest.raises(InsufficientStorageError):
            asyncio.run(full.put("jobs/a/audio", b"x"))


@on_event_loop
async def test_wrong_credentials_are_unavailable(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    refused = open_storage("s3://nordlyd/jobs", tmp_path)
    with pytest.raises(JobsUnavailableError):
        await refused.put("jobs/a/audio", b"x")
