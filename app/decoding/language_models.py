"""The language models of one acoustic model, by the names that requests choose them by."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import TypeAlias

import structlog

from app.decoding.language_model import LanguageModel, load_language_model
from app.errors import ConfigurationError, LanguageModelError
from app.vocabulary import Vocabulary

DEFAULT_LM = "default"

_FOLDER, _NAMED_FOLDER = "language_model", "language_models"

# Names, sizes and times of the files of a folder.
_State: TypeAlias = tuple[tuple[str, int, int], ...]

_log = structlog.get_logger("nordlyd.models")


class LanguageModels:
    """Loads each language model once, when it is first needed. Thread-safe.

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
        self._folders: dict[str, Path] = {}
        for folder in reversed(folders):
            if (folder / _FOLDER).is_dir():
                self._folders[DEFAULT_LM] = folder / _FOLDER
            named = folder / _NAMED_FOLDER
            self._folders |= {path.name: path for path in _subfolders(named)}
        self._loaded: dict[str, LanguageModel] = {}
        self._damaged: dict[str, _State] = {}
        self._lock = RLock()

    def __contains__(self, name: str) -> bool:
        return name in self._folders

    @property
    def names(self) -> tuple[str, ...]:
        """Those that a request may choose, as far as it is known."""
        return tuple(sorted(self._folders.keys() - set(self.damaged)))

    @property
    def damaged(self) -> tuple[str, ...]:
        """Those that could not be loaded, and whose files have not changed since."""
        return tuple(
            sorted(
                name
                for name, state in list(self._damaged.items())
                if _state(self._folders[name]) == state
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
        folder = self._folders.get(name)
        if folder is None:
            return None
        with self._lock:
            if name not in self._loaded:
                self.check(name)
                loaded = _load(folder, self._defaults)
                loaded.require_letters_of(self._vocabulary)
                self._loaded[name] = loaded
                self._damaged.pop(name, None)
            return self._loaded[name]

    def note_damaged(self, name: str, error: ConfigurationError) -> LanguageModelError:
        """Notes that a language model cannot be used; returns the error for its requests."""
        with self._lock:
            self._loaded.pop(name, None)
            self._damaged[name] = _state(self._folders[name])
        _log.error("language model cannot be used", lm=name, reason=error.message)
        return self._error(name)

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


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
