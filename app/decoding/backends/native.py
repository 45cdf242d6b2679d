"""Beam search in our own C: pyctcdecode's scores and pruning, without the GIL.

The language model is looked up in C too, in memory that all searches and threads share.
"""

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.decoding.backends.types import Candidate, Search
from app.decoding.columns import Columns
from app.decoding.language_model import LanguageModel
from app.decoding.search import SEARCH_STOPPED, Lexicon, Poll, Task, load_library
from app.decoding.turns import current_turn
from app.errors import ConfigurationError


def open_backend(labels: tuple[str, ...], language_model: LanguageModel | None) -> "NativeBackend":
    """Return a search over these labels.

    Raises:
        ConfigurationError: it was not compiled.
    """
    library = load_library()
    if library is None:
        raise ConfigurationError("the native decoder was not compiled when this was installed")
    return NativeBackend(library, labels, language_model)


class NativeBackend:
    """The search in C, with a weight for each hotword and any alpha and beta on one model."""

    def __init__(
        self, library: ctypes.CDLL, labels: tuple[str, ...], language_model: LanguageModel | None
    ) -> None:
        self._library = library
        self._labels = "".join(f"{label}\0" for label in labels).encode()
        self._count = len(labels)
        self._delimiter = labels.index(" ") if " " in labels else -1
        self._language_model = language_model

    def search(self, columns: Columns, search: Search) -> list[Candidate]:
        """Return the candidates, best first."""
        hotwords = _Hotwords(self._library, search.hotwords)
        task = Task(
            labels=self._labels,
            columns=self._count,
            delimiter=self._delimiter,
            alpha=search.alpha,
            beta=search.beta,
            hotwords=hotwords.handle,
            weights=hotwords.weights.ctypes.data,
            lengths=hotwords.lengths.ctypes.data,
            beam_width=search.beam_width,
            prune_logp=search.prune_logp,
            min_token_logp=search.min_token_logp,
            n_best=search.n_best,
        )
        turn = current_turn()
        if turn is not None:
            task.poll = Poll(turn.poll)
        # Named here, so that it outlives the search.
        lexicon = self._name_language_model(task)
        columns = np.ascontiguousarray(columns, dtype=np.float32)
        count, spans = ctypes.c_int32(), ctypes.POINTER(ctypes.c_int32)()
        posteriors = ctypes.POINTER(ctypes.c_double)()
        scores = np.empty(search.n_best)
        text = self._library.nordlyd_search(
            ctypes.addressof(task),
            columns.ctypes.data,
            len(columns),
            ctypes.addressof(count),
            scores.ctypes.data,
            ctypes.addressof(spans),
            ctypes.addressof(posteriors),
        )
        if text is None and turn is not None and count.value == SEARCH_STOPPED:
            raise turn.ended()
        if text is None:
            raise MemoryError(f"no memory to search {len(columns)} frames")
        try:
            return _read(text, spans, posteriors, scores[: count.value].tolist())
        finally:
            for memory in (text, spans, posteriors):
                self._library.nordlyd_release(memory)
            del lexicon

    def _name_language_model(self, task: Task) -> Lexicon | None:
        language_model = self._language_model
        if language_model is None:
            return None
        assert language_model.ngrams is not None
        library = self._library

        def make() -> Lexicon | None:
            words = language_model.unigrams
            return None if words is None else Lexicon(library, sorted(words))

        lexicon = language_model.part("lexicon", make)
        task.ngrams = language_model.ngrams.handle
        task.lexicon = lexicon.handle if lexicon else None
        task.sentence = language_model.score_boundary
        task.unknown = language_model.unk_score_offset
        return lexicon


def _read(text: int, spans: Any, posteriors: Any, scores: list[float]) -> list[Candidate]:  # noqa: ANN401
    """Take the readings out of C memory: words with a space after each, a NUL after all."""
    candidates, place, start = [], 0, text
    for score in scores:
        reading = ctypes.string_at(start)
        start += len(reading) + 1
        words = tuple(reading.decode().split(" ")[:-1])
        end = place + len(words)
        frames = spans[2 * place : 2 * end]
        candidates.append(
            Candidate(
                words,
                tuple(zip(frames[::2], frames[1::2], strict=True)),
                score,
                tuple(posteriors[place:end]),
            )
        )
        place = end
    return candidates


class _Hotwords:
    """Words as a trie, shortest first so that a beginning counts towards the shortest."""

    def __init__(self, library: ctypes.CDLL, weights: Mapping[str, float]) -> None:
        words = sorted(weights, key=len)
        self._lexicon = Lexicon(library, words) if words else None
        self.handle = self._lexicon.handle if self._lexicon else None
        self.weights = np.array([weights[word] for word in words])
        self.lengths = np.array([len(word) for word in words], dtype=np.int32)
