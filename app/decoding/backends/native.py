"""Beam search in our own C: pyctcdecode's scores and pruning, without the GIL.

KenLM is asked through its Python module, once for each new pair of history and word; the answers
are kept with the language model and shared by all searches and threads.
"""

import ctypes
from collections.abc import Mapping
from threading import Lock
from typing import Any

import kenlm
import numpy as np

from app.decoding.backends.types import Candidate, Search
from app.decoding.columns import Columns
from app.decoding.language_model import LanguageModel
from app.decoding.search import Cache, Lexicon, ScoreEnd, ScoreWord, Task, load_library
from app.errors import ConfigurationError

# States and answers that are kept; each takes some 200 bytes.
_MOST_STATES = 300_000


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
        scorer = self._scorer()
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
        if scorer is not None:
            scorer.fill(task)
        columns = np.ascontiguousarray(columns, dtype=np.float32)
        count, spans = ctypes.c_int32(), ctypes.POINTER(ctypes.c_int32)()
        scores = np.empty(search.n_best)
        text = self._library.nordlyd_search(
            ctypes.addressof(task),
            columns.ctypes.data,
            len(columns),
            ctypes.addressof(count),
            scores.ctypes.data,
            ctypes.addressof(spans),
        )
        if text is None:
            raise MemoryError(f"no memory to search {len(columns)} frames")
        try:
            return _read(text, spans, scores[: count.value].tolist())
        finally:
            self._library.nordlyd_release(text)
            self._library.nordlyd_release(spans)

    def _scorer(self) -> "_Scorer | None":
        language_model = self._language_model
        if language_model is None:
            return None
        library = self._library

        def make() -> _Scorer:
            return _Scorer(library, language_model, language_model.part("lexicon", lexicon))

        def lexicon() -> Lexicon | None:
            words = language_model.unigrams
            return None if words is None else Lexicon(library, sorted(words))

        scorer = language_model.part("native", make)
        if scorer.full:
            language_model.drop("native")
            scorer = language_model.part("native", make)
        return scorer


def _read(text: int, spans: Any, scores: list[float]) -> list[Candidate]:  # noqa: ANN401
    """Take the readings out of C memory: words with a space after each, a NUL after all."""
    candidates, place, start = [], 0, text
    for score in scores:
        reading = ctypes.string_at(start)
        start += len(reading) + 1
        words = tuple(reading.decode().split(" ")[:-1])
        frames = spans[2 * place : 2 * (place + len(words))]
        place += len(words)
        candidates.append(
            Candidate(words, tuple(zip(frames[::2], frames[1::2], strict=True)), score)
        )
    return candidates


class _Hotwords:
    """Words as a trie, shortest first so that a beginning counts towards the shortest."""

    def __init__(self, library: ctypes.CDLL, weights: Mapping[str, float]) -> None:
        words = sorted(weights, key=len)
        self._lexicon = Lexicon(library, words) if words else None
        self.handle = self._lexicon.handle if self._lexicon else None
        self.weights = np.array([weights[word] for word in words])
        self.lengths = np.array([len(word) for word in words], dtype=np.int32)


class _Scorer:
    """A language model as the search asks for it: states by number, scores in log10."""

    def __init__(
        self, library: ctypes.CDLL, language_model: LanguageModel, lexicon: Lexicon | None
    ) -> None:
        self._model = language_model.model
        self._unigrams = language_model.unigrams
        self._offset = language_model.unk_score_offset
        self._boundary = language_model.score_boundary
        self._lexicon = lexicon
        self._cache = Cache(library)
        self._lock = Lock()
        start = kenlm.State()
        if self._boundary:
            self._model.BeginSentenceWrite(start)
        else:
            self._model.NullContextWrite(start)
        self._states = [start]
        self._numbers = {start: 0}
        self._word, self._end = ScoreWord(self._score_word), ScoreEnd(self._score_end)

    @property
    def full(self) -> bool:
        """So much is kept that a new one should be made."""
        return len(self._states) > _MOST_STATES

    def fill(self, task: Task) -> None:
        """Name this model in a task, which must not outlive it."""
        task.score_word, task.score_end = self._word, self._end
        task.start_state = 0
        task.lexicon = self._lexicon.handle if self._lexicon else None
        task.cache = self._cache.handle
        task.unknown = self._offset

    def _score_word(self, state: int, text: bytes, following: Any) -> float:  # noqa: ANN401
        word, after = text.decode(), kenlm.State()
        score: float = self._model.BaseScore(self._states[state], word, after)
        known = self._unigrams is None or word in self._unigrams
        if not known or word not in self._model:
            score += self._offset
        number = self._numbers.get(after)
        if number is None:
            with self._lock:
                number = self._numbers.setdefault(after, len(self._states))
                if number == len(self._states):
                    self._states.append(after)
        following[0] = number
        return score

    def _score_end(self, state: int) -> float:
        if not self._boundary:
            return 0.0
        return float(self._model.BaseScore(self._states[state], "</s>", kenlm.State()))
