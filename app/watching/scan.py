"""Looks through a folder again and again for recordings whose writers have finished.

Folders on network shares report no changes, so the folder is listed. A recording is whole once its
size and the time of its last change have stayed the same for a few seconds, and no process of this
machine has it open for writing, where the system reveals that.
"""

import errno
import hashlib
import mimetypes
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

if sys.platform == "linux":
    import fcntl

SETTLE_SECONDS = 5.0
"""How long a recording must stay unchanged."""

# Names of files that are being copied or downloaded.
_TEMPORARY_ENDINGS = (
    ".part", ".partial", ".crdownload", ".download", ".filepart", ".tmp", ".temp", ".swp", "~",
)  # fmt: skip
_TEMPORARY_BEGINNINGS = (".", "~$")
# Those that not every system's list of types has.
_MEDIA_ENDINGS = re.compile(
    r"\.(3gp|aac|aif[cf]?|aiff|amr|au|avi|caf|flac|flv|m4[abv]|mka|mkv|mov|mp[234]|mpe?g|mts|mxf|"
    r"og[agv]|opus|ts|w64|wav|webm|wm[av])$",
    re.I,
)
_BLOCK_BYTES = 2**20
# Of Linux; the signal is one that is ignored unless a program wants it.
_F_SETSIG = 10


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording in the folder.

    Attributes:
        place: its path relative to the folder, with slashes.
        path: where it is.
        size: in bytes.
        changed: when it was changed last, in nanoseconds since 1970.
    """

    place: str
    path: Path
    size: int
    changed: int

    def is_unchanged(self, number: int | None = None) -> bool:
        """Returns whether it still is what was found.

        Args:
            number: the descriptor that it is read by, which stays the same recording where another
                one takes its path; None looks at the path.
        """
        try:
            status = self.path.stat() if number is None else os.fstat(number)
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.changed)


class FolderScan:
    """The recordings of a folder and those below, hidden ones left out.

    Args:
        folder: which exists, or will.
        leave_out: a folder below that has no recordings, such as that of the results.
        settle_seconds: how long a recording must stay unchanged; five seconds by default.
        now: a stopwatch in seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        leave_out: Path | None = None,
        settle_seconds: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._leave_out = None if leave_out is None else leave_out.resolve()
        self._settle_seconds = SETTLE_SECONDS if settle_seconds is None else settle_seconds
        self._now = now
        # When each recording was first found as it is.
        self._found: dict[Recording, float] = {}

    def whole(self) -> list[Recording]:
        """Returns the recordings that are whole, by their paths.

        Raises:
            OSError: the folder cannot be read.
        """
        now = self._now()
        before, self._found = self._found, {}
        for recording in self._recordings():
            self._found[recording] = before.get(recording, now)
        return [
            recording
            for recording, since in self._found.items()
            if now - since >= self._settle_seconds and not _is_being_written(recording.path)
        ]

    def _recordings(self) -> Iterator[Recording]:
        # A share that is gone must not look like an empty folder.
        os.scandir(self.folder).close()
        for where, folders, files in os.walk(self.folder):
            folders[:] = sorted(
                name
                for name in folders
                if not _is_temporary(name) and not self._is_left_out(Path(where, name))
            )
            for name in sorted(files):
                if not is_recording_name(name):
                    continue
                path = Path(where, name)
                try:
                    status = path.stat()
                except OSError:
                    # Moved or removed meanwhile.
                    continue
                # An empty file is one that is about to be written.
                if stat.S_ISREG(status.st_mode) and status.st_size:
                    place = path.relative_to(self.folder).as_posix()
                    yield Recording(place, path, status.st_size, status.st_mtime_ns)

    def _is_left_out(self, folder: Path) -> bool:
        return self._leave_out is not None and folder.resolve() == self._leave_out


def digest_of(path: Path) -> str:
    """Returns a digest of the content of a file.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def is_recording_name(name: str) -> bool:
    """Returns whether the name of a file is that of a recording which is not being written."""
    return not _is_temporary(name) and _is_media(name)


def _is_temporary(name: str) -> bool:
    return name.startswith(_TEMPORARY_BEGINNINGS) or name.lower().endswith(_TEMPORARY_ENDINGS)


def _is_media(name: str) -> bool:
    """Returns whether the name of a file is that of audio or video, whatever is in it."""
    if _MEDIA_ENDINGS.search(name):
        return True
    return (mimetypes.guess_type(name)[0] or "").startswith(("audio/", "video/"))


def _is_being_written(path: Path) -> bool:
    """Returns whether a process of this machine has a file open for writing; False if unknown.

    Linux grants a read lease only on a file that no one writes to.
    """
    if sys.platform != "linux":
        return False
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Otherwise a writer that opens it meanwhile would end this process by a SIGIO.
        fcntl.fcntl(number, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(number)
    return False
