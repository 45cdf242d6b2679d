"""A `language_model/` folder in, a KenLM n-gram model with its weights out.

The folder is the one pyctcdecode and transformers' `Wav2Vec2ProcessorWithLM` write:
`attrs.json`, `unigrams.txt` and one `.bin`, `.binary` or `.arpa` file.
"""

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

import kenlm

from app.errors import ConfigurationError

ATTRIBUTES = "attrs.json"
UNIGRAMS = "unigrams.txt"
MODEL_SUFFIXES = (".bin", ".binary", ".arpa")

_DEFAULTS = {"alpha": 0.5, "beta": 1.5, "unk_score_offset": -10.0, "score_boundary": True}
_KEPT = 8

_T = TypeVar("_T")


class LanguageModel:
    """A word n-gram model, loaded once and shared by all decoders that use it.

    Args:
        path: the KenLM file, read into memory by KenLM itself.
        unigrams: the words it knows; None where no list of them was kept, then every word
            beginning counts as unknown, as in pyctcdecode.
        alpha: weight of the language model against the emissions.
        beta: bonus for each word.
        unk_score_offset: added to the score of a word that it does not know.
        score_boundary: whether the text begins and ends a sentence.

    Raises:
        ConfigurationError: KenLM cannot read the file.
    """

    def __init__(
        self,
        path: Path,
        unigrams: frozenset[str] | None,
        *,
        alpha: float,
        beta: float,
        unk_score_offset: float,
        score_boundary: bool,
    ) -> None:
        try:
            self.model: Any = kenlm.Model(str(path))
        except (OSError, RuntimeError) as error:
            raise ConfigurationError(f"{path} is no KenLM model: {error}") from error
        self.path = path
        # Words that the n-gram file lacks would be scored as known ones.
        self.unigrams = (
            None if unigrams is None else frozenset(word for word in unigrams if word in self.model)
        )
        self.alpha = alpha
        self.beta = beta
        self.unk_score_offset = unk_score_offset
        self.score_boundary = score_boundary
        self.order: int = self.model.order
        self._parts: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = RLock()

    def part(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what a backend has built from this model under a key, building it once.

        The least recently used of more than a few are dropped.
        """
        with self._lock:
            if key not in self._parts:
                self._parts[key] = make()
            self._parts.move_to_end(key)
            while len(self._parts) > _KEPT:
                self._parts.popitem(last=False)
            return cast("_T", self._parts[key])

    def drop(self, key: Hashable) -> None:
        """Forget what was built under a key; who uses it keeps it."""
        with self._lock:
            self._parts.pop(key, None)


def load_language_model(folder: Path, defaults: Mapping[str, float] | None = None) -> LanguageModel:
    """Load a `language_model/` folder.

    Args:
        folder: holds one KenLM file, `attrs.json` and `unigrams.txt`; without the latter, or if
            it is empty, no list of known words is used.
        defaults: of attributes that `attrs.json` lacks; what they lack is pyctcdecode's.

    Raises:
        ConfigurationError: a file is missing or cannot be read; the message names it.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no language model folder {folder}")
    models = sorted(path for path in folder.iterdir() if path.suffix in MODEL_SUFFIXES)
    if len(models) != 1:
        found = ", ".join(path.name for path in models) or "none"
        raise ConfigurationError(
            f"{folder} must hold one KenLM file ({', '.join(MODEL_SUFFIXES)}); found: {found}"
        )
    attributes = _read_attributes(folder / ATTRIBUTES, defaults or {})
    return LanguageModel(models[0], _read_unigrams(folder / UNIGRAMS), **attributes)


def _read_attributes(path: Path, defaults: Mapping[str, float]) -> dict[str, Any]:
    try:
        given = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ConfigurationError(f"{path} must hold an object")
    given = {**defaults, **given}
    attributes = _DEFAULTS | {name: given[name] for name in _DEFAULTS if name in given}
    for name, value in attributes.items():
        if name == "score_boundary":
            attributes[name] = bool(value)
        elif isinstance(value, int | float) and math.isfinite(value):
            attributes[name] = float(value)
        else:
            raise ConfigurationError(f"{path}: {name} is {value!r}, must be a number")
    return attributes


def _read_unigrams(path: Path) -> frozenset[str] | None:
    if not path.exists():
        return None
    try:
        words = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8: {error}") from error
    return frozenset(word for word in words if word) or None
