"""Keeps blobs as files of one folder."""

import asyncio
import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from app.errors import BlobNotFoundError, InsufficientStorageError, JobsUnavailableError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TEMPORARY = ".writing-"


class LocalBlobStore:
    """A `BlobStore` in a folder of this machine.

    Args:
        folder: where the files are; it is made with the first of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, source: BinaryIO | bytes) -> None:
        """See `BlobStore`."""
        await asyncio.to_thread(self._put, self._path(key), source)

    async def get(self, key: str) -> bytes:
        """See `BlobStore`."""

        def read() -> bytes:
            with self._open(key) as file:
                return file.read()

        return await asyncio.to_thread(read)

    async def open(self, key: str) -> BinaryIO:
        """See `BlobStore`."""
        return await asyncio.to_thread(self._open, key)

    async def exists(self, key: str) -> bool:
        """See `BlobStore`."""
        return await asyncio.to_thread(self._path(key).is_file)

    async def delete_prefix(self, prefix: str) -> None:
        """See `BlobStore`."""

        def delete() -> None:
            folder = self._path(prefix.rstrip("/"))
            try:
                shutil.rmtree(folder)
                _sync_folder(folder.parent)
            except FileNotFoundError:
                return
            except OSError as error:
                raise _storage_error(error) from error

        await asyncio.to_thread(delete)

    async def list(self, prefix: str) -> Sequence[str]:
        """See `BlobStore`."""

        def walk() -> list[str]:
            return sorted(
                key
                for path in self._folder.rglob("*")
                if path.is_file()
                and not path.name.startswith(_TEMPORARY)
                and (key := path.relative_to(self._folder).as_posix()).startswith(prefix)
            )

        return await asyncio.to_thread(walk)

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*key.split("/"))

    def _open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise BlobNotFoundError(f"There is no {key}.") from None
        except OSError as error:
            raise _storage_error(error) from error

    def _put(self, path: Path, source: BinaryIO | bytes) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
            temporary = Path(name)
            try:
                with open(descriptor, "wb") as file:  # noqa: PTH123 - it is a descriptor
                    if isinstance(source, bytes):
                        file.write(source)
                    else:
                        shutil.copyfileobj(source, file, 2**20)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            for folder in (path.parent, *path.parent.parents):
                _sync_folder(folder)
                if folder == self._folder:
                    break
        except OSError as error:
            raise _storage_error(error) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storage_error(error: OSError) -> Exception:
    if error.errno in _FULL:
        return InsufficientStorageError("The disk that jobs are kept on (NORDLYD_DATA) is full.")
    return JobsUnavailableError(f"The storage of jobs cannot be used: {error.strerror}.")
