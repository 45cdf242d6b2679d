"""Loads a `language_model/` folder: a KenLM n-gram model with its weights.

The folder is the one pyctcdecode and transformers' `Wav2Vec2ProcessorWithLM` write:
`attrs.json`, `unigrams.txt` and one `.bin`, `.binary` or `.arpa` file.
"""

import copy
import json
import math
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

from app.decoding.native import Ngrams, load_library
from app.errors import ConfigurationError
from app.kenlm_file import find_model, read_model, try_in_child, words_of
from app.vocabulary import Vocabulary, spellings

ATTRIBUTES = "attrs.json"
UNIGRAMS = "unigrams.txt"

_DEFAULTS = {
    "alpha": 0.5,
    "beta": 1.5,
    "unk_score_offset": -10.0,
    "unk_character_weight": 0.0,
    "unk_character_offset": 0.0,
    "score_boundary": True,
}
_KEPT = 8
_SAMPLE = 10_000
_MIN_SPELLED = 0.01

_T = TypeVar("_T")


class LanguageModel:
    """A word n-gram model, loaded once and shared by all decoders that use it.

    Args:
        path: the KenLM file, which is read into memory.
        unigrams: its words; None without a list of them: then every prefix of a word counts as
            unknown, as in pyctcdecode.
        alpha: weight of the language model against the emissions.
        beta: bonus for each word.
        unk_score_offset: added to the score of an unknown word.
        unk_character_weight: of the log10 probability of an unknown word's spelling, by a character
            n-gram of the unigrams; 0 has no such model. The native search alone has it.
        unk_character_offset: added in place of `unk_score_offset` where there is that weight.
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
        unk_character_weight: float,
        unk_character_offset: float,
        score_boundary: bool,
    ) -> None:
        self.path = path
        self._parts: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = RLock()
        file, self._verified = read_model(path)
        library = load_library()
        try:
            self.ngrams = None if library is None else Ngrams(library, file)
        except ValueError as error:
            raise ConfigurationError(f"{path} is no KenLM model: {error}") from error
        self._kenlm: Any = None
        words = sorted(unigrams or ())
        listed = words or [word for word in words_of(file) if not word.startswith("<")]
        self._sample = listed[:: max(len(listed) // _SAMPLE, 1)]
        # A word that the n-gram file lacks would be scored as a known one.
        self.unigrams = None if unigrams is None else frozenset(self._known(words))
        self.alpha = alpha
        self.beta = beta
        self.unk_score_offset = unk_score_offset
        self.unk_character_weight = unk_character_weight
        self.unk_character_offset = unk_character_offset
        self.score_boundary = score_boundary
        self.order: int = self.ngrams.order if self.ngrams else self.model.order

    def with_spelling(self, weight: float, offset: float) -> "LanguageModel":
        """Returns this model with another score of unknown words; both share what is in memory.

        Args:
            weight: `unk_character_weight`.
            offset: `unk_character_offset`.
        """
        other = copy.copy(self)
        other.unk_character_weight, other.unk_character_offset = weight, offset
        return other

    @property
    def model(self) -> Any:  # noqa: ANN401
        """KenLM's own model, for the libraries that need it; loaded at first use.

        Raises:
            ConfigurationError: KenLM cannot read the file.
        """
        with self._lock:
            if self._kenlm is None:
                self._kenlm = self._load_kenlm()
            return self._kenlm

    def require_letters_of(self, vocabulary: Vocabulary) -> None:
        """Checks that the tokens of a checkpoint can spell words of the language model.

        Raises:
            ConfigurationError: they spell less than 1 % of them.
        """
        letters = {letter for token in spellings(vocabulary) for letter in token}
        sample = [word for word in self._sample if word]
        spelled = sum(letters.issuperset(word) for word in sample)
        if not sample or spelled >= _MIN_SPELLED * len(sample):
            return
        examples = ", ".join(sample[:3])
        for case, changed in (("lower", str.lower), ("upper", str.upper)):
            fits = sum(letters.issuperset(changed(word)) for word in sample)
            if fits >= len(sample) / 2:
                raise ConfigurationError(
                    f"the words of the language model {self.path.parent} ({examples}, …) are not "
                    f"in the case of the model's tokens, which is {case} case; build it again of "
                    f"text in {case} case"
                )
        raise ConfigurationError(
            f"the model's tokens ({' '.join(sorted(letters)[:40])}) spell no word of the language "
            f"model {self.path.parent} ({examples}, …); take the one that was made for this model"
        )

    @contextmanager
    def private_copy(self) -> Iterator[Path]:
        """Yields the path of a copy for a library that maps the file, removed afterwards.

        A mapped copy stays valid after its removal and cannot be truncated. The suffix is kept.

        Raises:
            ConfigurationError: KenLM cannot read the file.
        """
        if not self._verified:
            try_in_child(self.path, self._sample)
        with tempfile.TemporaryDirectory(prefix="nordlyd-") as folder:
            yield Path(shutil.copy(self.path, folder))

    def _load_kenlm(self) -> Any:  # noqa: ANN401
        import kenlm  # noqa: PLC0415

        if not self._verified:
            try_in_child(self.path, self._sample)
        config = kenlm.Config()
        # Not mapped: a file that is truncated in place would end the process.
        config.load_method = kenlm.LoadMethod.READ
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        config.show_progress = False
        try:
            return kenlm.Model(str(self.path), config)
        except (OSError, RuntimeError) as error:
            raise ConfigurationError(f"{self.path} is no KenLM model: {error}") from error

    def _known(self, words: list[str]) -> list[str]:
        if self.ngrams is not None:
            known = self.ngrams.known(words)
            return [word for word, there in zip(words, known, strict=True) if there]
        return [word for word in words if word in self.model]

    def part(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Returns a backend's own data for this model under a key, building it at first use.

        Only the most recently used are kept.
        """
        with self._lock:
            if key not in self._parts:
                self._parts[key] = make()
            self._parts.move_to_end(key)
            while len(self._parts) > _KEPT:
                self._parts.popitem(last=False)
            return cast("_T", self._parts[key])


def load_language_model(folder: Path, defaults: Mapping[str, float] | None = None) -> LanguageModel:
    """Loads a `language_model/` folder.

    Args:
        folder: holds one KenLM file, `attrs.json` and `unigrams.txt`; without the latter, or if
            it is empty, there is no list of known words.
        defaults: of attributes that `attrs.json` lacks; what they lack is pyctcdecode's.

    Raises:
        ConfigurationError: a file is missing or cannot be read; the message names it.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no language model folder {folder}")
    model = find_model(folder)
    attributes = _read_attributes(folder / ATTRIBUTES, defaults or {})
    return LanguageModel(model, _read_unigrams(folder / UNIGRAMS), **attributes)


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
    weight = attributes["unk_character_weight"]
    if weight < 0:
        raise ConfigurationError(f"{path}: unk_character_weight is {weight:g}, must be 0 or more")
    return attributes


def _read_unigrams(path: Path) -> frozenset[str] | None:
    if not path.exists():
        return None
    try:
        words = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8: {error}") from error
    return frozenset(word for word in words if word) or None
