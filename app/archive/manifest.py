"""The manifest of an archive: which recordings there are, and the result of each content.

An SQLite file in the folder of the results. A run may end at any moment: what is committed stays,
and the next run continues from there.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from app.archive.inputs import Found
from app.archive.results import Result
from app.errors import ConfigurationError, InvalidRequestError

FOLDER = ".nordlyd"
"""Of the manifest, in the folder of the results; `nordlyd transcribe` has its journal there."""

_PAGE = 256
_COMMIT_SECONDS = 0.5
_VERSION = 1

# Paths are bytes: file names need not be text. Their order is that of the rows.
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS recordings (
    path BLOB PRIMARY KEY,
    location BLOB NOT NULL,
    size INTEGER NOT NULL,
    version TEXT NOT NULL,
    listing INTEGER NOT NULL,
    digest TEXT,
    written TEXT NOT NULL DEFAULT '',
    unread BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recordings_digest ON recordings (digest);
CREATE TABLE IF NOT EXISTS results (
    digest TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    failed INTEGER NOT NULL,
    result BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS listings (number INTEGER PRIMARY KEY);
PRAGMA user_version = {_VERSION};
"""
# A recording is listed again with a new version: nothing is known of its content any more.
_LIST = """
INSERT INTO recordings (path, location, size, version, listing) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET
    digest = iif(size = excluded.size AND version = excluded.version, digest, NULL),
    written = iif(size = excluded.size AND version = excluded.version, written, ''),
    location = excluded.location, size = excluded.size, version = excluded.version,
    listing = excluded.listing, unread = NULL
"""
# Failures are tried again by each run, once.
_PENDING = """
SELECT path, location, size, version, coalesce(digest, '') FROM recordings
LEFT JOIN results USING (digest)
WHERE listing = ? AND path > ? AND NOT (
    results.digest IS NOT NULL AND request = ? AND NOT failed AND (? = '' OR written = ?)
)
ORDER BY path LIMIT ?
"""
_ROWS = """
SELECT path, coalesce(recordings.digest, ''), coalesce(unread, result) FROM recordings
LEFT JOIN results ON results.digest = recordings.digest AND request = ?
WHERE listing = ? AND path > ? ORDER BY path LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A recording that has no result, or whose texts are not written.

    Attributes:
        path: as of `Found`.
        location: as of `Found`.
        size: in bytes.
        version: as of `Found`.
        digest: SHA-256 of its content; empty before it was read.
    """

    path: str
    location: str
    size: int
    version: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A recording and its result.

    Attributes:
        path: as of `Found`.
        digest: SHA-256 of its content; empty where it cannot be read.
        result: its transcript or its error.
    """

    path: str
    digest: str
    result: Result


class Manifest:
    """The manifest of one folder, held by one process at a time.

    Args:
        folder: of the results, which exists.
        request: digest of everything that decides a transcript; results of another are not used.

    Raises:
        InvalidRequestError: another process writes there.
        OSError, sqlite3.Error: it cannot be written to.
    """

    def __init__(self, folder: Path, request: str) -> None:
        own = folder / FOLDER
        self._request = request
        self._lock = FileLock(own / "lock", thread_local=False)
        self._uncommitted_since: float | None = None
        try:
            own.mkdir(exist_ok=True)
            self._lock.acquire(timeout=0)
            self._database = sqlite3.connect(own / "archive.db", check_same_thread=False)
            self._prepare()
        except Timeout:
            raise InvalidRequestError(
                f"{folder}: another nordlyd writes to this folder.", param="output"
            ) from None
        [self._listing] = self._database.execute("SELECT max(number) FROM listings").fetchone()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def list_recordings(self, found: Iterable[Found]) -> None:
        """Takes note of the recordings that there are now; those of before that are gone are left.

        Args:
            found: each path once or more; the last one counts.
        """
        self._listing = (self._listing or 0) + 1
        with self._database:
            self._database.execute("INSERT INTO listings VALUES (?)", (self._listing,))
        left = iter(found)
        while some := tuple(islice(left, _PAGE)):
            with self._database:
                self._database.executemany(
                    _LIST,
                    (
                        (
                            os.fsencode(each.path),
                            os.fsencode(each.location),
                            each.size,
                            each.version,
                            self._listing,
                        )
                        for each in some
                    ),
                )

    def count(self) -> int:
        """Returns how many recordings there are."""
        query = "SELECT count(*) FROM recordings WHERE listing = ?"
        [count] = self._database.execute(query, (self._listing,)).fetchone()
        return int(count)

    def count_pending(self, writing: str) -> tuple[int, int]:
        """Returns how many recordings `pending` yields, and their bytes."""
        count = size = 0
        for each in self.pending(writing):
            count += 1
            size += each.size
        return count, size

    def pending(self, writing: str) -> Iterator[Pending]:
        """Yields the recordings that have work left, by path; each once.

        Args:
            writing: which files are to be written for each, as given to `add`; empty for none.
        """
        for path, location, size, version, digest in self._pages(
            _PENDING, before=(), after=(self._request, writing, writing)
        ):
            yield Pending(os.fsdecode(path), os.fsdecode(location), size, version, digest)

    def find(self, digest: str, *, failed: bool = False) -> Result | None:
        """Returns the result of a content; None where there is none.

        Args:
            digest: of the content.
            failed: whether an error counts as a result.
        """
        query = "SELECT result FROM results WHERE digest = ? AND request = ? AND failed <= ?"
        found = self._database.execute(query, (digest, self._request, failed)).fetchone()
        return None if found is None else Result.unpack(found[0])

    def first_path(self, digest: str) -> str:
        """Returns the first of the paths of a content."""
        query = "SELECT min(path) FROM recordings WHERE digest = ? AND listing = ?"
        [path] = self._database.execute(query, (digest, self._listing)).fetchone()
        return os.fsdecode(path)

    def note_digest(self, recording: Pending) -> None:
        """Notes the digest and the version of a recording that was read."""
        self._database.execute(
            "UPDATE recordings SET digest = ?, version = ? WHERE path = ?",
            (recording.digest, recording.version, os.fsencode(recording.path)),
        )
        self._commit_now_and_then()

    def add(
        self, recording: Pending, digest: str, result: Result, *, version: str, writing: str
    ) -> None:
        """Notes the result of a recording; it is durable after the next commit.

        Args:
            recording: that was pending.
            digest: of its content.
            result: of this content.
            version: of what was read.
            writing: which files were written for it.
        """
        self._database.execute(
            "INSERT INTO results VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET "
            "request = excluded.request, failed = excluded.failed, result = excluded.result",
            (digest, self._request, result.failed, result.pack()),
        )
        self._database.execute(
            "UPDATE recordings SET digest = ?, version = ?, written = coalesce(?, written), "
            "unread = NULL WHERE path = ?",
            (digest, version, writing or None, os.fsencode(recording.path)),
        )
        self._commit_now_and_then()

    def add_unread(self, recording: Pending, error: Result) -> None:
        """Notes why a recording could not be read; the next run tries again."""
        self._database.execute(
            "UPDATE recordings SET digest = NULL, unread = ? WHERE path = ?",
            (error.pack(), os.fsencode(recording.path)),
        )
        self._commit_now_and_then()

    def rows(self) -> Iterator[Row]:
        """Yields every recording with its result, by path.

        Raises:
            RuntimeError: one has no result.
        """
        for path, digest, result in self._pages(_ROWS, before=(self._request,), after=()):
            if result is None:
                raise RuntimeError(f"{os.fsdecode(path)} has no result")
            yield Row(os.fsdecode(path), digest, Result.unpack(result))

    def commit(self) -> None:
        """Makes durable what was added."""
        self._database.commit()
        self._uncommitted_since = None

    def close(self) -> None:
        """Makes durable what was added, and releases the folder for other processes."""
        self._database.commit()
        self._database.close()
        self._lock.release()

    def _pages(
        self, query: str, *, before: tuple[object, ...], after: tuple[object, ...]
    ) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query page by page, so that it is not open while others write."""
        last = b""
        while page := self._database.execute(
            query, (*before, self._listing, last, *after, _PAGE)
        ).fetchall():
            yield from page
            last = page[-1][0]

    def _commit_now_and_then(self) -> None:
        now = time.monotonic()
        if self._uncommitted_since is None:
            self._uncommitted_since = now
        elif now - self._uncommitted_since >= _COMMIT_SECONDS:
            self.commit()

    def _prepare(self) -> None:
        # No write-ahead log: the folder may be on a network share.
        self._database.execute("PRAGMA synchronous = FULL")
        [version] = self._database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise ConfigurationError(
                f"The manifest in {FOLDER} has version {version}, of another version of nordlyd; "
                f"accepted: {_VERSION}."
            )
        self._database.executescript(_SCHEMA)
