"""The frames of the words of a hypothesis, by Viterbi alignment.

In C where it was compiled, in parts cut at pauses; by `word_times` otherwise.
"""

from collections.abc import Sequence

import numpy as np

from app.decoding.alignment import spell, word_times
from app.decoding.columns import Columns
from app.decoding.native import align_words, load_library
from app.vocabulary import Vocabulary

_Frames = Sequence[tuple[int, int]]


class WordAligner:
    """Aligns words spelled with the labels of one alphabet.

    Args:
        labels: of `Alphabet`: the blank first, and " " second where there is one.
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        delimiter = labels.index(" ") if " " in labels else None
        self._delimiter = -1 if delimiter is None else delimiter
        self._vocabulary = Vocabulary(labels, blank=0, delimiter=delimiter, special=frozenset({0}))
        self._column = {
            label: column for column, label in enumerate(labels) if label and label != " "
        }
        self._library = load_library()

    def align(
        self,
        columns: Columns,
        words: Sequence[str],
        frames: _Frames,
    ) -> tuple[list[int], list[int], list[float]]:
        """Returns the first frame of each word, the one past its last, and its posterior.

        Args:
            columns: float32 [frames, labels] in which the words were found.
            words: in order.
            frames: roughly the first frame of each word and the one past its last.
        """
        if not words:
            return [], [], []
        if self._library is None:
            found = word_times(
                columns, words, self._vocabulary, frame_seconds=1.0, duration=float(len(columns))
            )
            return (
                [round(word.start) for word in found],
                [round(word.end) for word in found],
                [word.confidence for word in found],
            )
        spelled = [spell(word, self._column) for word in words]
        placed, posteriors = align_words(
            self._library,
            columns,
            np.array([column for letters in spelled for column in letters], dtype=np.int32),
            np.repeat(np.arange(len(words), dtype=np.int32), [len(one) for one in spelled]),
            np.array(frames, dtype=np.int32),
            delimiter=self._delimiter,
        )
        return placed[:, 0].tolist(), placed[:, 1].tolist(), posteriors.tolist()
