"""Turns what libraries raise when a file cannot be written into one line."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from trainer.errors import TrainingError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_BYTES = 2**20  # torch does not pass on why a write failed; below this it is the disk


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Raises one error for all that can go wrong in writing a file or folder.

    Raises:
        TrainingError: the message names the target, and whether the disk is full.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"{target} cannot be written: {_reason(error, target)}") from error


def _reason(error: Exception, target: Path) -> str:
    if isinstance(error, OSError) and error.errno not in _FULL:
        return error.strerror or str(error)
    full = isinstance(error, OSError) or "No space left" in str(error)
    if full or _free(target) < _FULL_BYTES:
        return "the disk is full"
    return str(error).partition("\n")[0]


def _free(target: Path) -> int:
    place = next(folder for folder in target.absolute().parents if folder.exists())
    return shutil.disk_usage(place).free
