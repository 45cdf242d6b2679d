"""Finds the recordings of an archive: in a folder, by a glob, in a list, or in a bucket."""

import glob
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.errors import InvalidRequestError
from app.watching import is_recording_name

STDIN = "-"
S3 = "s3://"
_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Found:
    """A recording that was found.

    Attributes:
        path: names it in the results: relative to the folder, the first folders of the glob or
            the prefix; absolute where it was listed.
        location: where it is: an absolute path, or `s3://bucket/key`.
        size: in bytes.
        version: another one means that it may have changed; empty where it cannot be read.
    """

    path: str
    location: str
    size: int = 0
    version: str = ""


def find_recordings(source: str, *, leave_out: Path) -> Iterator[Found]:
    """Finds the recordings that a source names, in any order, each path once or more.

    In folders and buckets they are found by the endings of their names, hidden ones and files that
    are being written left out. What a glob or a list names is a recording whatever its name. A
    listed path need not exist: reading it raises the error.

    Args:
        source: as `ArchivePlan.source`.
        leave_out: a folder that has no recordings, that of the results.

    Raises:
        InvalidRequestError: the source is not there, or a folder or bucket cannot be listed.
        ModuleNotFoundError: a bucket is named, and obstore is not installed.
    """
    path = Path(source)
    if source.startswith(S3):
        return _in_bucket(source)
    if source == STDIN:
        return _listed(sys.stdin.buffer)
    if path.is_dir():
        return _in_folder(path, leave_out)
    if path.is_file():
        return _of_file(path)
    if _GLOB & set(source):
        return _matching(source)
    raise InvalidRequestError(
        f"{source}: there is no such file or folder; accepted: a folder, a glob, a file that lists "
        "paths, - for such a list on stdin, or s3://bucket/prefix.",
        param="input",
    )


def output_place(path: str) -> str:
    """Returns where the files of a recording go, relative to the folder of the results.

    Args:
        path: of a `Found`.
    """
    place = f"s3/{path.removeprefix(S3)}" if path.startswith(S3) else path
    # Keys of objects may have such parts, and must not lead out of the folder.
    return "/".join(
        part.replace(".", "%2E") if part in (".", "..") else part
        for part in place.split("/")
        if part
    )


def version_of(status: os.stat_result) -> str:
    """Returns the version of a file of this machine."""
    return str(status.st_mtime_ns)


def _in_folder(folder: Path, leave_out: Path) -> Iterator[Found]:
    left_out = leave_out.resolve()

    def fail(error: OSError) -> None:
        raise InvalidRequestError(
            f"{error.filename}: cannot be listed: {error.strerror}.", param="input"
        ) from error

    for where, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and Path(where, name).resolve() != left_out
        ]
        for name in files:
            if is_recording_name(name):
                path = Path(where, name)
                if (found := _file(path, path.relative_to(folder).as_posix())) is not None:
                    yield found


def _of_file(path: Path) -> Iterator[Found]:
    if is_recording_name(path.name):
        found = _file(path, path.name)
        return iter([] if found is None else [found])
    return _opened_list(path)


def _opened_list(path: Path) -> Iterator[Found]:
    with path.open("rb") as file:
        yield from _listed(file)


def _listed(lines: Iterable[bytes]) -> Iterator[Found]:
    head = _heads()
    for line in lines:
        name = os.fsdecode(line.rstrip(b"\r\n"))
        if not name.strip():
            continue
        if "\0" in name:
            raise InvalidRequestError(
                "the list of recordings is no text; accepted: a path on each line.", param="input"
            )
        if name.startswith(S3):
            yield head(name)
        else:
            path = Path(os.path.abspath(name))  # noqa: PTH100 - links keep their names
            yield _file(path, str(path)) or Found(str(path), str(path))


def _matching(pattern: str) -> Iterator[Found]:
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if _GLOB & set(part))
    root = Path(*parts[:fixed])
    count = 0
    for match in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - as the shell does
        path = Path(match)
        if (found := _file(path, path.relative_to(root).as_posix())) is not None:
            count += 1
            yield found
    if not count:
        raise InvalidRequestError(f"{pattern}: no file matches.", param="input")


def _file(path: Path, name: str) -> Found | None:
    """Returns a file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    location = os.path.abspath(path)  # noqa: PTH100 - links keep their names
    return Found(name, location, status.st_size, version_of(status))


def _in_bucket(url: str) -> Iterator[Found]:
    import obstore  # noqa: PLC0415 - an optional extra
    from obstore.exceptions import BaseError  # noqa: PLC0415

    from app.storage.bucket import open_bucket  # noqa: PLC0415

    store = open_bucket(url)
    try:
        for entries in obstore.list(store):
            for entry in entries:
                path = entry["path"]
                parts = PurePosixPath(path).parts
                if is_recording_name(parts[-1]) and not any(p.startswith(".") for p in parts):
                    version = str(entry["e_tag"] or entry["last_modified"].isoformat())
                    yield Found(path, f"{url.rstrip('/')}/{path}", entry["size"], version)
    except (BaseError, OSError) as error:
        raise InvalidRequestError(f"{url}: cannot be listed: {_first_line(error)}") from error


def _heads() -> Callable[[str], Found]:
    """Returns a function that looks one object up; it opens each bucket once."""
    stores: dict[str, object] = {}

    def head(url: str) -> Found:
        import obstore  # noqa: PLC0415 - an optional extra
        from obstore.exceptions import BaseError  # noqa: PLC0415

        from app.storage.bucket import open_bucket  # noqa: PLC0415

        bucket, _, key = url.removeprefix(S3).partition("/")
        store = stores.setdefault(bucket, open_bucket(f"{S3}{bucket}"))
        try:
            entry = obstore.head(store, key)  # type: ignore[arg-type]
        except (BaseError, OSError):
            return Found(url, url)
        return Found(url, url, entry["size"], str(entry["e_tag"] or entry["last_modified"]))

    return head


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
