"""Where the content of jobs is kept: audio, emissions and results, by key."""

import re
from collections.abc import Sequence
from typing import BinaryIO, Protocol

AUDIO = "audio"
RESULT = "result.json"
EMISSIONS = "emissions"
CORRECTIONS = "corrections"

_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
_KEY = re.compile(rf"{_NAME}(/{_NAME})*")
_PREFIX = re.compile(rf"({_NAME}/)+")


def job_prefix(job_id: str) -> str:
    """Returns the beginning of every key of a job."""
    return f"jobs/{job_id}/"


def job_key(job_id: str, *names: str) -> str:
    """Returns a key of a job, such as `jobs/<id>/emissions/3` for the names `emissions` and `3`."""
    return job_prefix(job_id) + "/".join(names)


class BlobStore(Protocol):
    """Keeps bytes by key, so that a power cut leaves the old or the new value of a key.

    Keys are `/`-separated names of letters, digits, `.`, `_` and `-`; a prefix ends in `/`. Every
    method raises JobsUnavailableError where the storage cannot be reached, and ValueError for a
    key or a prefix of another form.
    """

    async def check_room(self, size: int) -> None:
        """Checks that there is room for a value of so many bytes, and a reserve besides.

        Raises:
            InsufficientStorageError: there is not.
        """

    async def put(self, key: str, source: BinaryIO | bytes) -> None:
        """Keeps a value durably; replaces a former one as a whole.

        Cancelling the awaiting task stops the write; once it has ended, nothing is written any
        more that could bring back a part of a job that was erased meanwhile.

        Args:
            key: its name.
            source: the value, or a stream of it that is read from its current position to its
                end and stays open.

        Raises:
            InsufficientStorageError: there is no room for it.
        """

    async def get(self, key: str) -> bytes:
        """Returns a value.

        Raises:
            BlobNotFoundError: there is none.
        """

    async def open(self, key: str) -> BinaryIO:
        """Opens a value as a seekable file of this machine, for the caller to close.

        Raises:
            BlobNotFoundError: there is none.
            InsufficientStorageError: there is no room for a local copy.
        """

    async def exists(self, key: str) -> bool:
        """Returns whether there is a value."""

    async def delete(self, key: str) -> None:
        """Deletes a value; there may be none. It does not come back after a power cut."""

    async def delete_prefix(self, prefix: str) -> None:
        """Deletes every value whose key begins with a prefix that ends in `/`; there may be none.

        Once this returns, the values do not come back after a power cut.
        """

    async def folders(self, prefix: str) -> Sequence[str]:
        """Returns the prefixes one name longer than a prefix, in order.

        Those are among them that have only what an interrupted write has left.
        """


def check_key(key: str) -> str:
    """Returns a key, which can then only name a file below a folder.

    Raises:
        ValueError: it has another form.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key: names of letters and digits, separated by slashes")
    return key


def check_prefix(prefix: str) -> str:
    """Returns a prefix of keys.

    Raises:
        ValueError: it has another form.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{prefix!r} is no prefix: names of letters and digits, each with a slash")
    return prefix
