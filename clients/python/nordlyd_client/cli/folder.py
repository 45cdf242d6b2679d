"""Writes texts to an output folder, and remembers which recordings are done."""

import hashlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path, PurePath

from nordlyd_client.cli.backends import Input
from nordlyd_client.cli.inputs import STDIN
from nordlyd_client.cli.journal import Entry, Journal
from nordlyd_client.errors import InvalidRequestError
from nordlyd_client.formats import describe
from nordlyd_client.watching import write_whole

FAILED = "failed.txt"
# `failed.txt` is the list of failures.
_RESERVED = frozenset({"failed"})
# Of a format, unlike that of "Opptak 12.30" or of "Møte 3. mai".
_ENDING = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,5}")


class OutputFolder:
    """The folder that transcripts are written to.

    Args:
        folder: made if it does not exist.
        inputs: every recording of this run.
        formats: to be written for each.
        request: everything that decides the text; a recording is done again where it differs.
        force: do everything again, and overwrite existing files.

    Raises:
        InvalidRequestError: it cannot be written to, or another process writes there.
    """

    def __init__(
        self,
        folder: Path,
        inputs: Sequence[Input],
        formats: Sequence[str],
        request: Mapping[str, object],
        *,
        force: bool = False,
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidRequestError(
                f"{folder}: cannot be made: {error.strerror}.", param="output"
            ) from error
        self.folder = folder
        self._formats = tuple(formats)
        self._request = _digest(request)
        self._force = force
        self._journal = Journal(folder)
        self._writing = threading.Lock()
        entries = self._journal.entries
        taken = {file: entry.place for file, entry in entries.items()}
        self._places = place_outputs(inputs, taken)

    def outputs(self, item: Input) -> dict[str, Path]:
        """Returns the files of a recording by their formats, whether they exist or not."""
        place = self._places[item.path]
        return {name: self.folder / f"{place}.{describe(name).extension}" for name in self._formats}

    def is_done(self, item: Input) -> bool:
        """Returns whether an earlier run wrote every format, and nothing has changed since."""
        return (
            not self._force
            and set(self._formats) <= self._written(item)
            and all(path.is_file() for path in self.outputs(item).values())
        )

    def check(self, item: Input) -> None:
        """Checks that no file of another origin would be overwritten.

        Raises:
            InvalidRequestError: there is such a file.
        """
        entry = self._journal.find(item.path)
        own = entry.begun if entry else ()
        for name, path in self.outputs(item).items():
            if path.exists() and name not in own and not self._force:
                raise InvalidRequestError(
                    f"{path} is there already and not from an earlier run; --force replaces it.",
                    param="output",
                )

    def write(self, item: Input, files: Mapping[str, bytes]) -> None:
        """Writes the files of a recording, and notes that it is done. Safe on any thread.

        Raises:
            InvalidRequestError: a file cannot be written.
        """
        try:
            written = self._written(item)
            self._note(item, written)
            for name, path in self.outputs(item).items():
                write_whole(path, files[name])
            self._note(item, {*written, *self._formats})
        except OSError as error:
            raise InvalidRequestError(
                f"{error.filename or self.folder}: cannot be written: {error.strerror}.",
                param="output",
            ) from error

    def list_failures(self, failures: Sequence[tuple[Input, str]]) -> Path | None:
        """Writes the recordings that failed, each with its reason; returns the file, if any.

        Raises:
            InvalidRequestError: it cannot be written.
        """
        path = self.folder / FAILED
        try:
            if not failures:
                path.unlink(missing_ok=True)
                return None
            listed = "".join(f"{item.shown}\t{reason}\n" for item, reason in failures)
            write_whole(path, listed.encode())
        except OSError as error:
            raise InvalidRequestError(
                f"{path}: cannot be written: {error.strerror}.", param="output"
            ) from error
        return path

    def close(self) -> None:
        """Releases the folder for other processes."""
        self._journal.close()

    def _written(self, item: Input) -> set[str]:
        """Returns the formats that are written already, if nothing has changed since."""
        entry = self._journal.find(item.path)
        if entry is None or item.shown == STDIN:
            return set()
        now = replace(entry, size=item.size, changed=item.changed, request=self._request)
        return set(entry.formats) if entry == now else set()

    def _note(self, item: Input, done: set[str]) -> None:
        """Notes which formats are done, and that the files of this run's formats are own."""
        with self._writing:
            entry = self._journal.find(item.path)
            begun = {*self._formats, *(entry.begun if entry else ())}
            self._journal.add(
                Entry(
                    file=str(item.path),
                    size=item.size,
                    changed=item.changed,
                    request=self._request,
                    place=self._places[item.path],
                    formats=tuple(sorted(done)),
                    begun=tuple(sorted(begun)),
                )
            )


def _digest(request: Mapping[str, object]) -> str:
    text = json.dumps(dict(sorted(request.items())), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def place_outputs(inputs: Sequence[Input], taken: Mapping[str, str]) -> dict[Path, str]:
    """Chooses where the texts of each recording go, without the ending of a format.

    Folders are mirrored: `a/x.wav` and `b/x.wav` become `a/x` and `b/x`. Where two recordings
    differ only by their endings, these stay: `x.wav` and `x.mp3`. The choices of an earlier
    run are kept.

    Args:
        inputs: the recordings.
        taken: places of an earlier run, relative to the folder, by the paths of its recordings.

    Returns:
        Places relative to the folder, with slashes, by the recordings' paths.
    """
    roots = {item.root for item in inputs if item.root.is_absolute()}
    base = Path(os.path.commonpath(roots)) if roots else Path()
    relative = {item.path: _relative(item.path, base) for item in inputs}
    short = {path: _without_ending(place).as_posix() for path, place in relative.items()}
    demand = Counter(_folded(place) for place in short.values())
    used = {_folded(place) for place in taken.values()} | _RESERVED
    places: dict[Path, str] = {}
    for path, place in relative.items():
        given = taken.get(str(path))
        if given is None:
            alone = demand[_folded(short[path])] == 1
            given = _free(short[path] if alone else place.as_posix(), place.as_posix(), used)
            used.add(_folded(given))
        places[path] = given
    return places


def _relative(path: Path, base: Path) -> PurePath:
    return path.relative_to(base) if path.is_relative_to(base) else PurePath(path.name)


def _without_ending(place: PurePath) -> PurePath:
    return place.with_suffix("") if _ENDING.fullmatch(place.suffix) else place


def _free(preferred: str, full: str, used: set[str]) -> str:
    if _folded(preferred) not in used:
        return preferred
    if _folded(full) not in used:
        return full
    return next(name for number in count(2) if _folded(name := f"{full}-{number}") not in used)


def _folded(place: str) -> str:
    """Returns the same for names that a case-insensitive file system does not distinguish."""
    return place.casefold()
