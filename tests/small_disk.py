"""A file system of a few pages or megabytes, to be filled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PAGE = 4096


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system.

    Attributes:
        folder: its root, as this process reaches it.
        mounted: its root, as the commands see it that begin with `enter`. SQLite, which resolves
            links, needs one of them.
        enter: the beginning of a command that is to run where it is mounted.
    """

    folder: Path
    mounted: Path
    enter: tuple[str, ...]

    @property
    def free(self) -> int:
        """How many bytes there is room for."""
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def fill(self, *, leave: int) -> None:
        """Fills the disk but for so many bytes, or more where less is left already."""
        with self._filler.open("ab", buffering=0) as file:
            while (left := self.free - leave) > 0:
                file.write(b"x" * min(left, 2**20))

    def empty(self) -> None:
        """Removes what `fill` has written."""
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Mounts a file system of so many bytes, which vanishes at the end.

    It is in a mount namespace of its own, which a user may make too, and which ends with its
    process; others reach it through that process.

    Args:
        folder: an empty one that it is mounted on.
        size: in bytes.
    """
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    mount = f'mount -t tmpfs -o size={size},mode=700 tmpfs "$0" && echo mounted && exec sleep inf'
    with subprocess.Popen(
        ["unshare", *user, "--mount", "sh", "-c", mount, folder], stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"mounted\n"
            enter = ("nsenter", "--target", str(process.pid), "--mount", *user[:1])
            yield SmallDisk(Path(f"/proc/{process.pid}/root{folder}"), folder, enter)
        finally:
            process.kill()


def pages(number: int) -> int:
    """The bytes of so many pages, in which such a file system counts."""
    return number * _PAGE
