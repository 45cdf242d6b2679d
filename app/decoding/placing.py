"""The words of a reading and the columns they were found in, the same words with times out.

In C where it was compiled, for letters of one character; by `word_times` otherwise. Long audio is
aligned in parts that are cut at pauses, so that it takes time in proportion to its length.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from app.decoding.alignment import word_times
from app.decoding.columns import Columns
from app.decoding.search import load_library, word_spans
from app.transcript import Word
from app.vocabulary import Vocabulary

_PART_FRAMES = 600

_Frames = Sequence[tuple[int, int]]


class WordPlacer:
    """Places words by the labels of one alphabet.

    Args:
        labels: of `Alphabet`: the blank first, and " " second where there is one.
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        parts = " " in labels
        self._delimiter = labels.index(" ") if parts else -1
        self._vocabulary = Vocabulary(
            labels, blank=0, delimiter=self._delimiter if parts else None, special=frozenset({0})
        )
        self._column = {label: column for column, label in enumerate(labels) if label}
        single = all(len(label) == 1 for label in self._column)
        self._library = load_library() if single else None

    def place(
        self,
        columns: Columns,
        words: Sequence[str],
        frames: _Frames,
        *,
        frame_seconds: float,
        duration: float,
    ) -> tuple[Word, ...]:
        """Return the words with their times and posteriors.

        Args:
            columns: float32 [frames, labels] in which the words were found.
            words: in order.
            frames: roughly the first frame of each word and the one past its last.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; times beyond it are cut to it.
        """
        if not words:
            return ()
        placed = self._in_parts(columns, words, frames)
        return tuple(
            Word(
                word,
                min(first * frame_seconds, duration),
                min(past * frame_seconds, duration),
                posterior,
            )
            for word, (first, past, posterior) in zip(words, placed, strict=True)
        )

    def _in_parts(
        self, columns: Columns, words: Sequence[str], frames: _Frames
    ) -> list[tuple[int, int, float]]:
        placed: list[tuple[int, int, float]] = []
        for first, end, start, past in _parts(frames, len(columns)):
            try:
                spans = self._spans(columns[start:past], words[first:end])
            except ValueError:
                # Without a pause to cut at, a part may be too short for its words.
                spans = self._roughly(columns, words[first:end], frames[first:end], start, past)
            placed += [(start + begin, start + stop, sure) for begin, stop, sure in spans]
        return placed

    def _spans(self, columns: Columns, words: Sequence[str]) -> Iterator[tuple[int, int, float]]:
        if self._library is None:
            found = word_times(
                columns, words, self._vocabulary, frame_seconds=1.0, duration=float(len(columns))
            )
            return ((round(word.start), round(word.end), word.confidence) for word in found)
        letters = [self._column[letter] for word in words for letter in word]
        of_word = np.repeat(np.arange(len(words), dtype=np.int32), [len(word) for word in words])
        first, past, means = word_spans(
            self._library,
            columns,
            self._delimiter,
            np.array(letters, dtype=np.int32),
            of_word,
        )
        posteriors: NDArray[np.float64] = np.exp(np.minimum(means, 0.0))
        return zip(first.tolist(), past.tolist(), posteriors.tolist(), strict=True)

    def _roughly(
        self, columns: Columns, words: Sequence[str], frames: _Frames, start: int, past: int
    ) -> Iterator[tuple[int, int, float]]:
        """The beam's own frames within a part, one word after the other."""
        earliest = start
        for word, (begin, stop) in zip(words, frames, strict=True):
            first = min(max(begin, earliest), past)
            earliest = min(max(stop, first + 1), past)
            heard = columns[min(first, past - 1) : earliest]
            letters = [self._column[letter] for letter in word if letter in self._column]
            sure = float(np.exp(heard[:, letters].max(axis=0).mean())) if letters else 0.0
            yield first - start, earliest - start, sure


def _parts(frames: _Frames, total: int) -> Iterator[tuple[int, int, int, int]]:
    """Part words at their longest pauses.

    Yields:
        The first word of a part, one past its last, its first frame and one past its last.
    """
    begins = [begin for begin, _ in frames]
    first = start = 0
    while total - start > _PART_FRAMES:
        late = range(
            max(bisect_right(begins, start + _PART_FRAMES // 2), first + 1),
            bisect_right(begins, start + _PART_FRAMES),
        )
        if not late:
            break
        cut = max(late, key=lambda word: frames[word][0] - frames[word - 1][1])
        past = (frames[cut - 1][1] + frames[cut][0]) // 2
        yield first, cut, start, past
        first, start = cut, past
    yield first, len(frames), start, total
