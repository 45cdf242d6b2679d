"""The compiled decoder, called through ctypes, which releases the GIL.

Compiled when the package is installed, if there is a C compiler.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.native_header import read_header
from app.native_library import NativeLibrary

_FOLDER = Path(__file__).parent
_HEADER = read_header(_FOLDER / "api.h")

SearchOptions = _HEADER.structures["SearchOptions"]
SearchResult = _HEADER.structures["SearchResult"]
Poll = ctypes.CFUNCTYPE(ctypes.c_int32)
"""The type of `poll` in `SearchOptions`; `Poll()` is none."""

SEARCH_STOPPED, NOT_FINITE = 2, 3
_ERROR_BYTES = 256


@dataclass(frozen=True, slots=True)
class ListedNgrams:
    """The n-grams of one order of a trie.

    `words` are their words' numbers, uint32 [count, order], 0 being `<unk>`; `probabilities` and
    `backoffs` are log10, float32 [count].
    """

    words: NDArray[np.uint32]
    probabilities: NDArray[np.float32]
    backoffs: NDArray[np.float32]


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


class Characters:
    """A character n-gram model of a set of words in C memory, which many threads may use at once.

    Args:
        library: from `load_library`.
        words: each counts once.
        lexicon: of the same words, for a search that looks its words up there.

    Raises:
        MemoryError: there is no memory for it.
    """

    def __init__(
        self, library: ctypes.CDLL, words: Sequence[str], lexicon: Lexicon | None = None
    ) -> None:
        text = _lines(words)
        self._library = library
        self.handle: int | None = library.nordlyd_characters_create(
            text, len(text), lexicon.handle if lexicon else None
        )
        if self.handle is None:
            raise MemoryError(f"no memory for the characters of {len(words)} words")

    def scores(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Returns the log10 probability of each word's spelling, its end included, [words]."""
        text = _lines(words)
        scores = np.zeros(len(words))
        self._library.nordlyd_characters_score(self.handle, text, len(text), scores.ctypes.data)
        return scores

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._library.nordlyd_characters_free(self.handle)


class Ngrams:
    """An n-gram model in C memory, which many threads may use at once.

    Args:
        library: from `load_library`.
        file: uint8 [bytes], KenLM's binary file or ARPA text; kept as long as it is needed.

    Raises:
        ValueError: the bytes are no such file, or damaged; the message has the place.
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

    def numbers(self, words: Sequence[str]) -> NDArray[np.uint32]:
        """Returns the number of each word, uint32 [words]; 0 for one that the model lacks."""
        text = _lines(words)
        found = np.zeros(len(words), dtype=np.uint32)
        self._library.nordlyd_ngrams_numbers(self.handle, text, len(text), found.ctypes.data)
        return found

    def listed(self, order: int) -> ListedNgrams | None:
        """Returns all n-grams of so many words.

        Returns:
            None where the file has hash tables, which do not have the words of an n-gram, or
            where it has no n-grams of this order.
        """
        count = self._library.nordlyd_ngrams_count(self.handle, order)
        if count < 0:
            return None
        words = np.zeros((count, order), dtype=np.uint32)
        probabilities = np.zeros(count, dtype=np.float32)
        backoffs = np.zeros(count, dtype=np.float32)
        written = self._library.nordlyd_ngrams_list(
            self.handle, order, words.ctypes.data, probabilities.ctypes.data, backoffs.ctypes.data
        )
        return ListedNgrams(words[:written], probabilities[:written], backoffs[:written])

    def scores(self, words: Sequence[str], *, sentence: bool = True) -> NDArray[np.float32]:
        """Returns the log10 probability of each word, given those before it.

        Args:
            words: in order.
            sentence: they are a whole sentence; the last score is then that of its end.

        Returns:
            float32 [words], or [words + 1] of a sentence.
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
    _FOLDER,
    "_decoding",
    _HEADER.functions,
    without="beam searches use another backend and alignment uses numpy, both slower",
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
    """Adds up the tokens of each column and normalises.

    Returns:
        float32 [frames, columns], and the first frame that is no distribution, or None.
    """
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


def align_words(
    library: ctypes.CDLL,
    columns: NDArray[np.float32],
    labels: NDArray[np.int32],
    words: NDArray[np.int32],
    frames: NDArray[np.int32],
    *,
    delimiter: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Aligns decoded words to the columns they were decoded from, by Viterbi.

    Args:
        library: from `load_library`.
        columns: float32 [frames, columns] of log-probabilities; column 0 is the blank.
        labels: int32 [letters], the column of each letter.
        words: int32 [letters], the word of each letter, from 0 and without a gap.
        frames: int32 [words, 2], roughly the first frame of each word and the one past its last.
        delimiter: column that separates words, or -1.

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
    result = library.nordlyd_align_words(
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
