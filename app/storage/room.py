"""Room on a disk that has to last for work that was accepted."""

import shutil
from pathlib import Path

from app.errors import InsufficientStorageError

RESERVE_BYTES = 64 * 2**20
"""What is left for jobs that were accepted, when a disk takes no more of them."""


def check_room(folder: Path, size: int) -> None:
    """Checks that a disk has room for so many more bytes, and the reserve besides.

    Raises:
        InsufficientStorageError: it has not.
        FileNotFoundError: the folder does not exist.
    """
    free = shutil.disk_usage(folder).free
    if free < size + RESERVE_BYTES:
        raise InsufficientStorageError(
            f"The disk that jobs are kept on has {free / 2**20:.0f} MiB left, of which "
            f"{RESERVE_BYTES / 2**20:.0f} MiB are for jobs that were accepted before."
        )
