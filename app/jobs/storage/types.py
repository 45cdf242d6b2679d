"""Where the content of jobs is kept: audio, emissions and results, by key."""

from collections.abc import Sequence
from typing import BinaryIO, Protocol

AUDIO = "audio"
RESULT = "result.json"
EMISSIONS = "emissions"


def job_prefix(job_id: str) -> str:
    """Returns the beginning of every key of a job."""
    return f"jobs/{job_id}/"


def job_key(job_id: str, *names: str) -> str:
    """Returns a key of a job, such as `jobs/<id>/emissions/3` for the names `emissions` and `3`."""
    return job_prefix(job_id) + "/".join(names)


class BlobStore(Protocol):
    """Keeps bytes by key, so that a power cut leaves the old or the new value of a key.

    Keys are `/`-separated names of letters, digits, `.`, `_` and `-`. Every method raises
    JobsUnavailableError where the storage cannot be reached.
    """

    async def put(self, key: str, source: BinaryIO | bytes) -> None:
        """Keeps a value durably; replaces a former one as a whole.

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

    async def delete_prefix(self, prefix: str) -> None:
        """Deletes every value whose key begins with a prefix that ends in `/`; there may be none.

        Once this returns, the values do not come back after a power cut.
        """

    async def list(self, prefix: str) -> Sequence[str]:
        """Returns the keys that begin with a prefix, in order."""
