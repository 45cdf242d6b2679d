"""Beam search in our own C: pyctcdecode's scores and pruning, without the GIL.

The language model is queried in C too, in memory that all threads share.
"""

import ctypes
from collections.abc import Mapping

import numpy as np

from app.decoding.backends.types import Candidate
from app.decoding.columns import MIN_LOGP, Alphabet, not_finite
from app.decoding.language_model import LanguageModel
from app.decoding.native import (
    NOT_FINITE,
    SEARCH_STOPPED,
    Characters,
    Lexicon,
    Poll,
    SearchOptions,
    SearchResult,
    load_library,
)
from app.decoding.scheduling import current_job
from app.decoding.types import DecodingOptions, Emissions
from app.errors import ConfigurationError


def open_backend(alphabet: Alphabet, language_model: LanguageModel | None) -> "NativeBackend":
    """Returns a search over this alphabet.

    Raises:
        ConfigurationError: it was not compiled.
    """
    library = load_library()
    if library is None:
        raise ConfigurationError("the native decoder was not compiled when this was installed")
    return NativeBackend(library, alphabet, language_model)


class NativeBackend:
    """The search in C: a weight for each hotword, any alpha and beta for one language model."""

    def __init__(
        self, library: ctypes.CDLL, alphabet: Alphabet, language_model: LanguageModel | None
    ) -> None:
        labels = alphabet.labels
        self._library = library
        self._labels = "".join(f"{label}\0" for label in labels).encode()
        self._count = len(labels)
        self._delimiter = labels.index(" ") if " " in labels else -1
        self._column_of = alphabet.column_of
        self._column_address = alphabet.column_of.ctypes.data
        self._language_model = language_model

    def search(self, emissions: Emissions, options: DecodingOptions) -> list[Candidate]:
        """Returns the candidates, best first. One call of C, without the interpreter's lock."""
        weights = options.hotword_weights()
        hotwords = _Hotwords(self._library, weights) if weights else None
        native = SearchOptions(self._labels, self._count, self._delimiter)
        native.alpha, native.beta = options.alpha, options.beta
        native.beam_width, native.n_best = options.beam_width, options.n_best
        native.prune_logp, native.min_token_logp = options.prune_logp, options.min_token_logp
        if hotwords is not None:
            native.hotwords = hotwords.handle
            native.weights = hotwords.weights.ctypes.data
            native.lengths = hotwords.lengths.ctypes.data
        job = current_job()
        if job is not None:
            native.poll = Poll(job.poll)
        # Kept in a variable so that they outlive the search.
        word_models = self._set_language_model(native)
        values = _as_float32(emissions)
        scores, result = (ctypes.c_double * options.n_best)(), SearchResult()
        status = self._library.nordlyd_decode(
            ctypes.addressof(native),
            values.ctypes.data,
            len(values),
            values.shape[1],
            self._column_address,
            MIN_LOGP,
            ctypes.addressof(scores),
            ctypes.addressof(result),
        )
        del word_models, hotwords
        if status == NOT_FINITE:
            raise not_finite(emissions, result.bad)
        if status == SEARCH_STOPPED and job is not None:
            raise job.reason()
        if status:
            raise MemoryError(f"no memory to search {len(values)} frames")
        try:
            return _candidates(result, scores[: result.count])
        finally:
            for memory in (result.text, result.spans, result.posteriors):
                self._library.nordlyd_release(memory)

    def _set_language_model(self, native: ctypes.Structure) -> "_WordModels | None":
        language_model = self._language_model
        if language_model is None:
            return None
        assert language_model.ngrams is not None
        weight = language_model.unk_character_weight
        found = language_model.part(
            ("words", weight > 0), lambda: _WordModels(self._library, language_model)
        )
        native.ngrams = language_model.ngrams.handle
        native.sentence = language_model.score_boundary
        native.unknown = language_model.unk_score_offset
        native.lexicon = found.lexicon.handle if found.lexicon else None
        if found.characters is not None:
            native.characters = found.characters.handle
            native.character_weight = weight
            native.unknown = language_model.unk_character_offset
        return found


def _as_float32(emissions: Emissions) -> Emissions:
    """Contiguous float32, with the rows of wider numbers brought into its range first."""
    if emissions.dtype.itemsize > np.dtype(np.float32).itemsize:
        with np.errstate(invalid="ignore", over="ignore"):
            emissions = emissions - emissions.max(axis=1, keepdims=True, initial=-np.inf)
            return np.ascontiguousarray(emissions, dtype=np.float32)
    return np.ascontiguousarray(emissions, dtype=np.float32)


def _candidates(result: ctypes.Structure, scores: list[float]) -> list[Candidate]:
    """Copies the hypotheses out of C memory."""
    spans = ctypes.cast(result.spans, ctypes.POINTER(ctypes.c_int32))
    all_posteriors = ctypes.cast(result.posteriors, ctypes.POINTER(ctypes.c_double))
    candidates, place, start = [], 0, result.text
    for score in scores:
        text = ctypes.string_at(start)
        start += len(text) + 1
        words = tuple(text.decode().split(" ")[:-1])
        end = place + len(words)
        frames = spans[2 * place : 2 * end]
        posteriors = tuple(all_posteriors[place:end])
        candidates.append(Candidate(words, frames[::2], frames[1::2], posteriors, score))
        place = end
    return candidates


class _WordModels:
    """The words of a language model, and how they are spelled where it weighs that."""

    def __init__(self, library: ctypes.CDLL, language_model: LanguageModel) -> None:
        words = None if language_model.unigrams is None else sorted(language_model.unigrams)
        self.lexicon = None if words is None else Lexicon(library, words)
        self.characters = (
            Characters(library, words, self.lexicon)
            if words and language_model.unk_character_weight
            else None
        )


class _Hotwords:
    """Hotwords as a trie, shortest first: a prefix counts towards the shortest."""

    def __init__(self, library: ctypes.CDLL, weights: Mapping[str, float]) -> None:
        words = sorted(weights, key=len)
        self._lexicon = Lexicon(library, words) if words else None
        self.handle = self._lexicon.handle if self._lexicon else None
        self.weights = np.array([weights[word] for word in words])
        self.lengths = np.array([len(word) for word in words], dtype=np.int32)
