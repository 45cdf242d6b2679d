"""Storage of jobs in a folder of this machine, or of a network file system with atomic renames."""

import asyncio
import errno
import io
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import structlog

from app.errors import BlobNotFoundError, InsufficientStorageError, JobsUnavailableError
from app.jobs.storage.types import check_key, check_prefix
from app.storage import check_room

_BLOCK_BYTES = 2**20
_TEMPORARY = ".tmp-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

_T = TypeVar("_T")

_log = structlog.get_logger("nordlyd.jobs")


class LocalBlobStore:
    """A `BlobStore` in a folder that only its owner can read.

    A blob is written to a temporary file beside its place, flushed to the disk and renamed; then
    the folder is flushed, so that a power cut leaves the old state or the new.

    Args:
        folder: is made by the first use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = False

    async def check_room(self, size: int) -> None:
        """See `BlobStore`."""
        await self._run(lambda _: check_room(self.folder, size))

    async def put(self, key: str, source: BinaryIO | bytes) -> None:
        """See `BlobStore`."""
        path = self._path(key)
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        await self._run(lambda cancelled: _write(path, stream, cancelled))

    async def get(self, key: str) -> bytes:
        """See `BlobStore`."""
        path = self._path(key)
        return await self._run(lambda _: _found(key, path.read_bytes))

    async def open(self, key: str) -> BinaryIO:
        """See `BlobStore`."""
        path = self._path(key)
        return await self._run(lambda _: _found(key, lambda: path.open("rb")))

    async def exists(self, key: str) -> bool:
        """See `BlobStore`."""
        path = self._path(key)
        return await self._run(lambda _: path.is_file())

    async def delete(self, key: str) -> None:
        """See `BlobStore`."""
        path = self._path(key)
        await self._run(lambda _: _remove_file(path))

    async def delete_prefix(self, prefix: str) -> None:
        """See `BlobStore`."""
        folder = self.folder / check_prefix(prefix)
        await self._run(lambda _: _remove(folder))

    async def folders(self, prefix: str) -> Sequence[str]:
        """See `BlobStore`."""
        folder = self.folder / check_prefix(prefix)
        found = await self._run(lambda _: _subfolders(folder))
        return sorted(f"{prefix}{name}/" for name in found)

    def _path(self, key: str) -> Path:
        return self.folder / check_key(key)

    async def _run(self, work: Callable[[threading.Event], _T]) -> _T:
        def guarded(cancelled: threading.Event) -> _T:
            with self._errors():
                self._check_folder()
                return work(cancelled)

        return await _in_thread(guarded)

    def _check_folder(self) -> None:
        if not self._made:
            _make_folders(self.folder)
            self._made = True
        # Of a disk that was unmounted nothing is missing, and nothing has been deleted.
        if not self.folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "the folder is gone")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns the errors of the disk into those of `BlobStore`."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise InsufficientStorageError(
                    "The disk that jobs are kept on is full; jobs that were accepted are kept."
                ) from error
            _log.error("storage of jobs failed", folder=str(self.folder), reason=error.strerror)
            raise JobsUnavailableError(
                f"The storage of jobs cannot be used: {error.strerror}."
            ) from error


async def _in_thread(work: Callable[[threading.Event], _T]) -> _T:
    """Runs blocking work in a thread, and outlasts it when cancelled.

    A write that continued after its task was cancelled could restore what was deleted since.
    """
    cancelled = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(work, cancelled))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait({running})
        # Otherwise asyncio logs an error that was never retrieved.
        running.exception()
        raise


def _found(key: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except FileNotFoundError:
        raise BlobNotFoundError(f"There is no {key}.") from None


def _write(path: Path, stream: BinaryIO, cancelled: threading.Event) -> None:
    _make_folders(path.parent)
    temporary = path.with_name(f"{_TEMPORARY}{path.name}-{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb", opener=_open_private) as file:
            while block := stream.read(_BLOCK_BYTES):
                if cancelled.is_set():
                    return
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE_MODE)


def _make_folders(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(_FOLDER_MODE, exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _subfolders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]


def _remove_file(path: Path) -> None:
    if not path.parent.is_dir():
        return
    path.unlink(missing_ok=True)
    # What a process has left that was killed while it wrote.
    for temporary in path.parent.glob(f"{_TEMPORARY}{path.name}-*"):
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _remove(folder: Path) -> None:
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            # Another process has written into it meanwhile, or has deleted it too.
            if error.errno not in {errno.ENOTEMPTY, errno.ENOENT}:
                raise
    if folder.parent.exists():
        _flush_folder(folder.parent)
