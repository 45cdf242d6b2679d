"""What was done in an output folder, kept in a file beside the results: a line for each recording.

A run may be ended at any moment, by whatever means. So a line is written before the files of a
recording, which says that they will be ours, and one after them, which says that they are done.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from app.errors import InvalidRequestError

_FOLDER = ".nordlyd"


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording and its transcripts.

    Attributes:
        file: its absolute path.
        size: its bytes.
        changed: when it was changed last, in nanoseconds since 1970.
        asked: what was asked of the transcription, as one short string.
        place: of its transcripts, relative to the folder and without an ending.
        formats: those that are done.
        begun: those that are done, were once, or are being written: their files are ours.
    """

    file: str
    size: int
    changed: int
    asked: str
    place: str
    formats: tuple[str, ...]
    begun: tuple[str, ...]


class Journal:
    """The journal of one folder, held by one process at a time.

    Args:
        folder: the output folder, which exists.

    Raises:
        InvalidRequestError: another process writes there, or nobody can.
    """

    def __init__(self, folder: Path) -> None:
        own = folder / _FOLDER
        self._path = own / "journal.jsonl"
        self._lock = FileLock(own / "lock")
        try:
            own.mkdir(exist_ok=True)
            self._lock.acquire(timeout=0)
            self._entries = self._read()
            self._tidy()
            self._file = self._path.open("ab", buffering=0)
        except Timeout:
            raise InvalidRequestError(
                f"{folder}: another nordlyd writes to this folder.", param="output"
            ) from None
        except OSError as error:
            raise InvalidRequestError(
                f"{folder}: cannot be written to: {error.strerror}.", param="output"
            ) from error

    @property
    def entries(self) -> dict[str, Entry]:
        """The last entry of each recording, by its path."""
        return dict(self._entries)

    def find(self, path: Path) -> Entry | None:
        """The last entry of a recording, where there is one."""
        return self._entries.get(str(path))

    def add(self, entry: Entry) -> None:
        """Write a line; the last one of a recording counts."""
        # One call for the whole line: a process that is killed leaves all of it or nothing.
        self._file.write(_line(entry))
        self._entries[entry.file] = entry

    def close(self) -> None:
        """Let another process write."""
        self._file.close()
        self._lock.release()

    def _read(self) -> dict[str, Entry]:
        if not self._path.exists():
            return {}
        entries = {}
        for line in self._path.read_bytes().splitlines():
            try:
                content = json.loads(line)
                lists = {name: tuple(content[name]) for name in ("formats", "begun")}
                entry = Entry(**content | lists)
            except (ValueError, TypeError, KeyError):
                # Cut short by a full disk or a loss of power; its recording is done again.
                continue
            entries[entry.file] = entry
        return entries

    def _tidy(self) -> None:
        """Write every recording once, so that the journal of many runs does not grow for ever."""
        if self._path.exists():
            fresh = self._path.with_suffix(".part")
            fresh.write_bytes(b"".join(map(_line, self._entries.values())))
            fresh.replace(self._path)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there in full or not at all, whatever happens meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _line(entry: Entry) -> bytes:
    return json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
