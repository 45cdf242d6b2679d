"""Files that Git LFS left as pointers in a checkout made without it."""

import re
from pathlib import Path

from app.errors import CheckpointError

# The first line of the format, which the specification fixes:
# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_POINTER = b"version https://git-lfs.github.com/spec/"
_POINTER_BYTES = 1024


def refuse_pointer(path: Path) -> None:
    """Does nothing for a file that holds its own contents.

    Raises:
        CheckpointError: the file is a Git LFS pointer; the message has the size of the real file.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_POINTER_BYTES)
    except OSError:
        return
    if not head.startswith(_POINTER):
        return
    size = re.search(rb"^size (\d+)$", head, re.MULTILINE)
    stands_for = f"the {int(size[1]):,} bytes that it stands for" if size else "the file itself"
    raise CheckpointError(
        f"{path} is a Git LFS pointer, not {stands_for}; run `git lfs pull` in {path.parent}, or"
        " fetch the model with `nordlyd models pull`"
    )
