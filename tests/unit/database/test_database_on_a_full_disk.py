"""Keys that are created while the disk of the database is full."""

import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import SmallDisk, pages, small_disk

_CREATE = """
import sys
from pathlib import Path
from app.database import Database
from app.errors import NordlydError
from app.keys.store import KeyStore

folder, *names = sys.argv[1:]
database = Database(Path(folder))
for name in names:
    try:
        KeyStore(database).create(name)
    except NordlydError as error:
        print(error.code)
    else:
        print(*(key.name for key in KeyStore(database).list()))
database.close()
"""


def create(disk: SmallDisk, *names: str) -> list[str]:
    """Creates keys in a process; returns a line of each: the names of all keys, or the error."""
    command = [*disk.enter, sys.executable, "-c", _CREATE, str(disk.mounted / "data"), *names]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3]
    ).stdout.splitlines()


@pytest.mark.long
def test_key_is_created_whole_or_refused_for_the_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path, pages(256)) as disk:
        for left in (0, 1, 3, 8):
            # While the database is made.
            disk.fill(leave=pages(left))
            assert create(disk, "early") == ["insufficient_storage"]
            disk.empty()
        assert create(disk, "first") == ["first"]
        for left in (0, 3):
            # While it is opened.
            disk.fill(leave=pages(left))
            assert create(disk, "late", "later") == ["insufficient_storage"] * 2
            disk.empty()
        assert create(disk, "second") == ["first second"]
