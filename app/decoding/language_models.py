"""The language models of one acoustic model, by the names that requests choose them by."""

import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock, RLock
from typing import TypeAlias

import structlog

from app.decoding.language_model import LanguageModel, load_language_model
from app.errors import ConfigurationError, LanguageModelError
from app.vocabulary import Vocabulary

DEFAULT_LM = "default"

_FOLDER, _NAMED_FOLDER = "language_model", "language_models"

# Names, sizes and times of the files of a folder.
_State: TypeAlias = tuple[tuple[str, int, int], ...]

# A folder, its inode and when it was changed: by these another one of the same name is known.
_Place: TypeAlias = tuple[Path, int, int]

# A folder that was changed so recently may change again without its time showing it.
_SETTLED_NANOSECONDS = 2_000_000_000

_log = structlog.get_logger("nordlyd.models")


class LanguageModels:
    """Loads each language model once, when it is first needed. Thread-safe.

    A folder `language_models/<name>/` that is added or replaced by another is noticed with the next
    request; the default language model is the one that was there at the start. What is in memory
    stays usable where its folder is removed.

    One that cannot be loaded is not tried again before its files have changed: a request that
    names it would read a large file for nothing.

    Args:
        folders: are searched for `language_model/` and `language_models/<name>/`; the first that
            has one wins.
        vocabulary: of the acoustic model.
        defaults: of attributes that a language model lacks.
    """

    def __init__(
        self, folders: Sequence[Path], vocabulary: Vocabulary, defaults: Mapping[str, float]
    ) -> None:
        self._vocabulary = vocabulary
        self._defaults = dict(defaults)
        self._default = next(
            (folder / _FOLDER for folder in folders if (folder / _FOLDER).is_dir()), None
        )
        self._named = tuple(folder / _NAMED_FOLDER for folder in folders)
        self._found: Mapping[str, _Place] = {}
        self._times: tuple[int, ...] | None = None
        self._loaded: dict[str, tuple[_Place, LanguageModel]] = {}
        self._damaged: dict[str, _State] = {}
        # Held while a large file is read; those who only look for names do not wait for it.
        self._loading = RLock()
        self._finding = Lock()
        self._places()

    def __contains__(self, name: str) -> bool:
        return name in self._places()

    @property
    def names(self) -> tuple[str, ...]:
        """Those that a request may choose, as far as it is known."""
        return tuple(sorted(self._places().keys() - set(self.damaged)))

    @property
    def damaged(self) -> tuple[str, ...]:
        """Those that could not be loaded, and whose files have not changed since."""
        places = self._places()
        return tuple(
            sorted(
                name
                for name, state in list(self._damaged.items())
                if name in places and _state(places[name][0]) == state
            )
        )

    def check(self, name: str) -> None:
        """Returns unless a language model is known to be damaged.

        Raises:
            LanguageModelError: it is.
        """
        if name in self._damaged and name in self.damaged:
            raise self._error(name)

    def load(self, name: str) -> LanguageModel | None:
        """Returns a language model; None where there is none of that name.

        Raises:
            ConfigurationError: a file cannot be read, or does not fit the vocabulary.
        """
        with self._loading:
            places = self._places()
            if name not in places:
                return None
            place = places[name]
            if name not in self._loaded or self._loaded[name][0] != place:
                self.check(name)
                loaded = _load(place[0], self._defaults)
                loaded.require_letters_of(self._vocabulary)
                self._loaded[name] = place, loaded
                self._damaged.pop(name, None)
            return self._loaded[name][1]

    def note_damaged(self, name: str, error: ConfigurationError) -> LanguageModelError:
        """Notes that a language model cannot be used; returns the error for its requests."""
        with self._loading:
            self._loaded.pop(name, None)
            if (place := self._places().get(name)) is not None:
                self._damaged[name] = _state(place[0])
        _log.error("language model cannot be used", lm=name, reason=error.message)
        return self._error(name)

    def _places(self) -> Mapping[str, _Place]:
        """Returns where each language model is now."""
        with self._finding:
            times = tuple(map(_time, self._named))
            if times != self._times:
                self._found = self._find()
                settled = time.time_ns() - max(times, default=0) > _SETTLED_NANOSECONDS
                self._times = times if settled else None
            return self._found

    def _find(self) -> Mapping[str, _Place]:
        found = {name: place for name, (place, _) in list(self._loaded.items())}
        if self._default is not None:
            found[DEFAULT_LM] = self._default, 0, 0
        for named in reversed(self._named):
            found |= {place[0].name: place for place in _subfolders(named)}
        return found

    def _error(self, name: str) -> LanguageModelError:
        return damaged_error(name, self.names)


def damaged_error(name: str, usable: Sequence[str]) -> LanguageModelError:
    """Returns the error for a language model that could not be loaded, beside those that can."""
    return LanguageModelError(
        f"The language model {name!r} cannot be used, and the log of the service has the "
        f"reason; accepted: {', '.join(usable) or 'a request without lm'}.",
        param="lm",
    )


def _load(folder: Path, defaults: Mapping[str, float]) -> LanguageModel:
    try:
        return load_language_model(folder, defaults)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be read: {error.strerror}") from error
    except (ValueError, RuntimeError) as error:
        raise ConfigurationError(f"{folder} cannot be loaded: {error}") from error


def _state(folder: Path) -> _State:
    try:
        files = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    except OSError:
        return ()
    return tuple((name, status.st_size, status.st_mtime_ns) for name, status in files)


def _time(folder: Path) -> int:
    """Returns when a folder was changed last, in nanoseconds; 0 where there is none."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _subfolders(folder: Path) -> Iterator[_Place]:
    """Yields the folders of language models in a folder.

    One that is being written has a name that begins with a full stop.
    """
    try:
        paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode):
            yield path, status.st_ino, status.st_mtime_ns
