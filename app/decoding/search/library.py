"""The compiled search and columns, loaded by ctypes, which lets go of the GIL.

Compiled when the package is installed, where a C compiler was there.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.native_library import NativeLibrary, Signature

Poll = ctypes.CFUNCTYPE(ctypes.c_int32)

_POINTER, _LONG, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int32, ctypes.c_float
SEARCH_STOPPED, NOT_FINITE = 2, 3
_ERROR_BYTES = 256

_SIGNATURES: dict[str, Signature] = {
    "nordlyd_columns": (_LONG, [_POINTER, _LONG, _LONG, _POINTER, _LONG, _FLOAT, _POINTER]),
    "nordlyd_lexicon_create": (_POINTER, [ctypes.c_char_p, _LONG]),
    "nordlyd_lexicon_free": (None, [_POINTER]),
    "nordlyd_ngrams_open": (_POINTER, [_POINTER, ctypes.c_uint64, _POINTER]),
    "nordlyd_ngrams_free": (None, [_POINTER]),
    "nordlyd_ngrams_order": (_INT, [_POINTER]),
    "nordlyd_ngrams_known": (None, [_POINTER, ctypes.c_char_p, _LONG, _POINTER]),
    "nordlyd_ngrams_score": (None, [_POINTER, ctypes.c_char_p, _LONG, _INT, _POINTER]),
    "nordlyd_decode": (
        _INT,
        [_POINTER, _POINTER, _LONG, _LONG, _POINTER, _FLOAT, _POINTER, _POINTER],
    ),
    "nordlyd_release": (None, [_POINTER]),
    "nordlyd_place": (
        _INT,
        [_POINTER, _LONG, _LONG, _INT, _POINTER, _POINTER, _LONG, _LONG, _POINTER, _POINTER, Poll],
    ),
}


class Task(ctypes.Structure):
    """`Task` of search.h."""

    _fields_ = (
        ("labels", ctypes.c_char_p),
        ("columns", _INT),
        ("delimiter", _INT),
        ("ngrams", _POINTER),
        ("lexicon", _POINTER),
        ("sentence", _INT),
        ("alpha", ctypes.c_double),
        ("beta", ctypes.c_double),
        ("unknown", ctypes.c_double),
        ("hotwords", _POINTER),
        ("weights", _POINTER),
        ("lengths", _POINTER),
        ("beam_width", _INT),
        ("prune_logp", ctypes.c_double),
        ("min_token_logp", ctypes.c_double),
        ("n_best", _INT),
        ("poll", Poll),
    )


class Result(ctypes.Structure):
    """`Result` of decode.c."""

    _fields_ = (
        ("text", _POINTER),
        ("spans", ctypes.POINTER(ctypes.c_int32)),
        ("posteriors", ctypes.POINTER(ctypes.c_double)),
        ("bad", ctypes.c_int64),
        ("count", _INT),
    )


class Lexicon:
    """A set of words as a trie in C memory; a word's number is its place in the sequence."""

    def __init__(self, library: ctypes.CDLL, words: Sequence[str]) -> None:
        text = _lines(words)
        self._library = library
        self.handle: int | None = library.nordlyd_lexicon_create(text, len(text))
        if self.handle is None:
            raise MemoryError(f"no memory for {len(words)} words")

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._library.nordlyd_lexicon_free(self.handle)


class Ngrams:
    """An n-gram model in C memory, which many threads may use at once.

    Args:
        library: from `load_library`.
        file: uint8 [bytes], KenLM's binary file or ARPA text; kept as long as it is needed.

    Raises:
        ValueError: the bytes are no such file, or damaged; the message says where.
    """

    def __init__(self, library: ctypes.CDLL, file: NDArray[np.uint8]) -> None:
        self._library = library
        self._file = file
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        self.handle: int | None = library.nordlyd_ngrams_open(
            file.ctypes.data, len(file), ctypes.addressof(error)
        )
        if self.handle is None:
            raise ValueError(error.value.decode(errors="replace"))
        self.order: int = library.nordlyd_ngrams_order(self.handle)

    def known(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Returns for each word whether the model has it, bool [words]."""
        text = _lines(words)
        found = np.zeros(len(words), dtype=np.uint8)
        self._library.nordlyd_ngrams_known(self.handle, text, len(text), found.ctypes.data)
        return found.astype(bool)

    def scores(self, words: Sequence[str], *, sentence: bool = True) -> NDArray[np.float32]:
        """Returns the log10 probability of each word after those before it.

        Args:
            words: in order.
            sentence: they are a sentence, whose end has one more score.
        """
        text = _lines(words)
        scores = np.zeros(len(words) + sentence, dtype=np.float32)
        self._library.nordlyd_ngrams_score(
            self.handle, text, len(text), sentence, scores.ctypes.data
        )
        return scores

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._library.nordlyd_ngrams_free(self.handle)


def _lines(words: Sequence[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()


LIBRARY = NativeLibrary(
    Path(__file__).parent,
    "_search",
    _SIGNATURES,
    without="text is decoded by another backend, and slower",
)


def load_library() -> ctypes.CDLL | None:
    """Returns the compiled functions, or None where they cannot be used."""
    return LIBRARY.load()


def normalised_columns(
    library: ctypes.CDLL,
    emissions: NDArray[np.float32],
    column_of: NDArray[np.int32],
    columns: int,
    lowest: float,
) -> tuple[NDArray[np.float32], int | None]:
    """Sum tokens of one column up and normalise; also the first frame that is no distribution."""
    emissions = np.ascontiguousarray(emissions)
    out = np.empty((len(emissions), columns), dtype=np.float32)
    bad = library.nordlyd_columns(
        emissions.ctypes.data,
        *emissions.shape,
        column_of.ctypes.data,
        columns,
        lowest,
        out.ctypes.data,
    )
    return out, None if bad < 0 else bad


def place_words(
    library: ctypes.CDLL,
    columns: NDArray[np.float32],
    labels: NDArray[np.int32],
    words: NDArray[np.int32],
    frames: NDArray[np.int32],
    *,
    delimiter: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Align words to the columns they were decoded from, by Viterbi.

    Args:
        library: from `load_library`.
        columns: float32 [frames, columns] of log-probabilities; column 0 is the blank.
        labels: int32 [letters], the column of each letter.
        words: int32 [letters], the word of each letter, from 0 and without a gap.
        frames: int32 [words, 2], roughly the first frame of each word and the one past its last.
        delimiter: column that parts words, or -1.

    Returns:
        The frames of each word on the most probable path, int32 [words, 2], and the geometric mean
        over its letters of the highest probability each reaches, float64 [words]. Where the
        letters between two pauses do not fit, the frames stay as they were.

    Raises:
        MemoryError: two bytes for each frame and letter between two pauses are too much.
    """
    columns = np.ascontiguousarray(columns)
    placed = np.array(frames, dtype=np.int32).reshape(-1, 2)
    posteriors = np.zeros(len(placed))
    result = library.nordlyd_place(
        columns.ctypes.data,
        *columns.shape,
        delimiter,
        labels.ctypes.data,
        words.ctypes.data,
        len(labels),
        len(placed),
        placed.ctypes.data,
        posteriors.ctypes.data,
        Poll(),
    )
    if result:
        raise MemoryError(f"no memory to align {len(labels)} letters to {len(columns)} frames")
    return placed, posteriors
