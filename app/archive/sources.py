"""Opens or downloads a recording of an archive, and computes the digest of its content."""

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

from app.archive.inputs import S3, version_of
from app.errors import AudioError
from app.storage import create_disk_file

_BLOCK_BYTES = 2**20


class UnreadableError(AudioError):
    """A recording of an archive cannot be read; a later run may succeed."""

    code = "unreadable"


@dataclass(frozen=True, slots=True)
class Source:
    """An open recording.

    Attributes:
        file: at its beginning; whoever has opened it closes it.
        digest: SHA-256 of its content, in hexadecimal.
        size: in bytes.
        version: as of `Found`, when it was opened.
    """

    file: BinaryIO
    digest: str
    size: int
    version: str

    def check_unchanged(self) -> None:
        """Does nothing if the file was not changed since it was opened.

        Raises:
            UnreadableError: it was; its digest may be that of another content.
        """
        status = os.fstat(self.file.fileno())
        # What was downloaded is this process's own.
        if status.st_nlink and (status.st_size, version_of(status)) != (self.size, self.version):
            raise UnreadableError("The file was changed while it was read.")


def open_source(location: str, version: str) -> Source:
    """Opens a recording and reads it once; blocks.

    Args:
        location: as of `Found`.
        version: the one that was found, of an object in a bucket.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        return _download(location, version) if location.startswith(S3) else _open(location)
    except OSError as error:
        raise UnreadableError(f"The file cannot be read: {error.strerror or error}.") from error


def _open(path: str) -> Source:
    # Without waiting: a listed path may be a pipe that nothing is written to.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    try:
        status = _check_regular(file)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Source(file, digest, status.st_size, version_of(status))


def _check_regular(file: BinaryIO) -> os.stat_result:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("The file cannot be read: it is a pipe or a device.")
    return status


def _download(url: str, version: str) -> Source:
    import obstore  # noqa: PLC0415 - an optional extra
    from obstore.exceptions import BaseError  # noqa: PLC0415

    bucket, _, key = url.removeprefix(S3).partition("/")
    digest = hashlib.sha256()
    size = 0
    file = os.fdopen(create_disk_file(), "w+b")
    try:
        found = obstore.get(_store(bucket), key)
        version = str(found.meta["e_tag"] or version)
        for piece in found.stream(min_chunk_size=_BLOCK_BYTES):
            digest.update(piece)
            size += file.write(piece)
        file.seek(0)
    except BaseError as error:
        file.close()
        reason = str(error).partition("\n")[0]
        raise UnreadableError(f"The object cannot be read: {reason}") from error
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    return Source(file, digest.hexdigest(), size, version)


@cache
def _store(bucket: str) -> Any:  # noqa: ANN401 - of a package that is not always installed
    from app.storage.bucket import open_bucket  # noqa: PLC0415

    return open_bucket(f"{S3}{bucket}")
