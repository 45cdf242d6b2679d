"""Opens recordings of all kinds as files that can be sent repeatedly."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, TypeAlias, cast

Audio: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes of a file, or an open binary file, which may be a pipe."""

_IN_MEMORY_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Upload:
    """An open recording, to be sent from its beginning, under a name."""

    file: BinaryIO
    name: str


@contextmanager
def opened(audio: Audio) -> Iterator[Upload]:
    """Opens a recording for as long as the block lasts.

    A file that was given open stays open. One that cannot be rewound is copied first, to disk
    from 2 MiB on, so that it can be sent again.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(audio, bytes):
        yield Upload(BytesIO(audio), "audio")
        return
    if isinstance(audio, str | os.PathLike):
        path = Path(audio)
        with path.open("rb") as file:
            yield Upload(file, _sendable(path.name))
        return
    name = _sendable(Path(str(getattr(audio, "name", "audio"))).name or "audio")
    if audio.seekable():
        yield Upload(audio, name)
        return
    with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as copy:
        shutil.copyfileobj(audio, copy)
        yield Upload(cast("BinaryIO", copy), name)


def _sendable(name: str) -> str:
    """Returns a file's name as text, although it may hold any bytes."""
    return name.encode("utf-8", "replace").decode()
