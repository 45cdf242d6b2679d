"""Storage of jobs in a bucket that speaks S3."""

import asyncio
import io
import json
import os
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar

import obstore
import structlog
from obstore.exceptions import BaseError

from app.errors import (
    BlobNotFoundError,
    ConfigurationError,
    InsufficientStorageError,
    JobsUnavailableError,
)
from app.jobs.storage.types import check_key, check_prefix
from app.storage import create_disk_file
from app.storage.bucket import open_bucket
from app.storage.files import disk_error

_PART_BYTES = 16 * 2**20
_PARTS = ".parts/"
_STREAM_BYTES = 2**20
# S3 itself is never full: statuses and codes of MinIO and Ceph.
_FULL = ("507 Insufficient Storage", "StorageFull", "QuotaExceeded")

_T = TypeVar("_T")

_log = structlog.get_logger("nordlyd.jobs")


class S3BlobStore:
    """A `BlobStore` in a bucket, below a prefix.

    S3 replaces an object as a whole, and what is acknowledged is durable. A blob of more than
    16 MiB is kept as several objects: the first one carries the names of the others and is written
    last. Multipart uploads do the same, but an interrupted one leaves parts that no listing shows
    and no deletion of a prefix removes.

    Args:
        url: `s3://bucket` or `s3://bucket/prefix`. Endpoint, region and credentials are those of
            the usual variables: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on.

    Raises:
        ConfigurationError: the URL or a variable is malformed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._store = open_bucket(url)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"NORDLYD_STORAGE is {error.message}", param="storage"
            ) from None

    async def check_room(self, size: int) -> None:
        """See `BlobStore`; S3 does not report free space."""

    async def put(self, key: str, source: BinaryIO | bytes) -> None:
        """See `BlobStore`."""
        check_key(key)
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        first = await _outlast(asyncio.to_thread(_read_part, stream))
        second = await _outlast(asyncio.to_thread(_read_part, stream))
        if second:
            # Parts of another upload of the key stay until this one is whole, and go with the job.
            first += await self._put_parts(f"{key}{_PARTS}{uuid.uuid4().hex}/", second, stream)
        await self._put_object(key, first)

    async def _put_parts(self, folder: str, part: bytes, stream: BinaryIO) -> bytes:
        """Stores what follows the first part; returns the line that the first object ends with."""
        count = 0
        try:
            while part:
                count += 1
                await self._put_object(f"{folder}{count:05}", part)
                part = await _outlast(asyncio.to_thread(_read_part, stream))
        except BaseException:
            await _outlast(self._remove_parts(folder))
            raise
        return json.dumps({"folder": folder, "parts": count}).encode()

    async def get(self, key: str) -> bytes:
        """See `BlobStore`."""
        blocks: list[bytes] = []
        await self._read(key, blocks.append)
        return b"".join(blocks)

    async def open(self, key: str) -> BinaryIO:
        """See `BlobStore`."""
        file = os.fdopen(create_disk_file(), "w+b")
        try:
            await self._read(key, file.write)
            file.seek(0)
        except OSError as error:
            file.close()
            raise disk_error(error) from error
        except BaseException:
            file.close()
            raise
        return file

    async def exists(self, key: str) -> bool:
        """See `BlobStore`."""
        check_key(key)
        with self._errors():
            try:
                await obstore.head_async(self._store, key)
            except FileNotFoundError:
                return False
        return True

    async def delete(self, key: str) -> None:
        """See `BlobStore`."""
        check_key(key)
        with self._errors():
            # The parts last: without the first object they are of no blob.
            await _outlast(obstore.delete_async(self._store, key))
        await self.delete_prefix(f"{key}{_PARTS}")

    async def delete_prefix(self, prefix: str) -> None:
        """See `BlobStore`."""
        with self._errors():
            keys = await self._objects(prefix)
            if keys:
                await _outlast(obstore.delete_async(self._store, keys))

    async def folders(self, prefix: str) -> Sequence[str]:
        """See `BlobStore`."""
        with self._errors():
            found = await obstore.list_with_delimiter_async(self._store, check_prefix(prefix))
            return sorted(f"{name}/" for name in found["common_prefixes"])

    async def _objects(self, prefix: str) -> Sequence[str]:
        found = await obstore.list(self._store, check_prefix(prefix)).collect_async()
        return sorted(entry["path"] for entry in found)

    async def _put_object(self, name: str, data: bytes) -> None:
        with self._errors():
            await _outlast(obstore.put_async(self._store, name, data, use_multipart=False))

    async def _remove_parts(self, folder: str) -> None:
        try:
            await self.delete_prefix(folder)
        except JobsUnavailableError:
            # They are below the prefix of their job and go with it.
            _log.warning("parts of an interrupted upload are left")

    async def _read(self, key: str, write: Callable[[bytes], object]) -> None:
        with self._errors():
            try:
                found = await obstore.get_async(self._store, check_key(key))
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                raise BlobNotFoundError(f"There is no {key}.") from None
            first = bytes(await found.bytes_async())
            await asyncio.to_thread(write, first[:_PART_BYTES])
            if len(first) <= _PART_BYTES:
                return
            trailer = json.loads(first[_PART_BYTES:])
            for number in range(1, trailer["parts"] + 1):
                part = await obstore.get_async(self._store, f"{trailer['folder']}{number:05}")
                await asyncio.to_thread(write, bytes(await part.bytes_async()))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns the errors of S3 into those of `BlobStore`."""
        try:
            yield
        except (BaseError, FileNotFoundError, ConnectionError, TimeoutError) as error:
            # The first line names the request and its status; more lines are for debugging.
            reason = str(error).partition("\n")[0]
            if any(word in str(error) for word in _FULL):
                raise InsufficientStorageError(
                    "The storage that jobs are kept in is full; jobs that were accepted are kept."
                ) from error
            _log.error("storage of jobs failed", reason=reason)
            raise JobsUnavailableError("The storage of jobs does not answer.") from error


def _read_part(source: BinaryIO) -> bytes:
    """Returns the next 16 MiB of a stream; less only at its end."""
    blocks: list[bytes] = []
    missing = _PART_BYTES
    while missing and (block := source.read(min(missing, _STREAM_BYTES))):
        blocks.append(block)
        missing -= len(block)
    return b"".join(blocks)


async def _outlast(work: Coroutine[Any, Any, _T]) -> _T:
    """Awaits a request to its end even when cancelled.

    A request that is abandoned may still be carried out, and bring back what has been deleted
    meanwhile.
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        # Otherwise asyncio logs an error that was never retrieved.
        running.exception()
        raise
