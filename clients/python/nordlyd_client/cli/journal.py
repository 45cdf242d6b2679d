"""The journal of an output folder: a line of JSON for each recording, in a file beside the texts.

A run may end at any moment. So one line is written before the files of a recording, which claims
them as ours, and one after them, which marks them as done.
"""

import errno
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from nordlyd_client.errors import InvalidRequestError

_FOLDER = ".nordlyd"
# The name of `Entry.request` in the file.
_REQUEST = "asked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording and its transcripts.

    Attributes:
        file: its absolute path.
        size: its bytes.
        changed: when it was changed last, in nanoseconds since 1970.
        request: digest of the request that made the text.
        place: of its transcripts, relative to the folder and without an ending.
        formats: those that are done.
        begun: those that are done, were done once, or are being written: their files are ours.
        digest: of its content; empty where its size and the time of its change are enough.
    """

    file: str
    size: int
    changed: int
    request: str
    place: str
    formats: tuple[str, ...]
    begun: tuple[str, ...]
    digest: str = ""


class Journal:
    """The journal of one folder, held by one process at a time.

    Args:
        folder: the output folder, which exists.

    Raises:
        InvalidRequestError: another process writes there, or it cannot be written to.
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
        """Returns the last entry of each recording, by its path."""
        return dict(self._entries)

    def find(self, path: Path) -> Entry | None:
        """Returns the last entry of a recording, if any."""
        return self._entries.get(str(path))

    def add(self, entry: Entry) -> None:
        """Writes a line; the last one of a recording counts.

        Raises:
            OSError: it cannot be written.
        """
        # One call for the whole line: a process that is killed leaves all of it or nothing.
        line = _line(entry)
        begun = self._file.seek(0, os.SEEK_END)
        if self._file.write(line) != len(line):
            # The next line would be appended to the half that is there.
            self._file.truncate(begun)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._entries[entry.file] = entry

    def close(self) -> None:
        """Releases the folder for other processes."""
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
                content["request"] = content.pop(_REQUEST)
                entry = Entry(**content | lists)
            except (ValueError, TypeError, KeyError):
                # Cut short by a full disk or a loss of power; its recording is done again.
                continue
            entries[entry.file] = entry
        return entries

    def _tidy(self) -> None:
        """Keeps one line for each recording, so that the journal of many runs does not grow."""
        if self._path.exists():
            fresh = self._path.with_suffix(".part")
            try:
                fresh.write_bytes(b"".join(map(_line, self._entries.values())))
                fresh.replace(self._path)
            except OSError:
                fresh.unlink(missing_ok=True)
                raise


def _line(entry: Entry) -> bytes:
    content = asdict(entry)
    content[_REQUEST] = content.pop("request")
    if not entry.digest:
        # Earlier versions do not read a line with a field that they do not have.
        del content["digest"]
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
