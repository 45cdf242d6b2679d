"""Tells the speakers of a live stream apart, one utterance after another.

Sequential clustering by leaders: an utterance belongs to the speaker whose mean voice is nearest,
or, where none is near enough, to a new one. What was decided is not changed later.
"""

import numpy as np
import numpy.typing as npt

from app.speakers.types import Embedding

_SIMILARITY = 0.45
"""Cosine similarity from which an utterance belongs to a speaker's mean voice."""
_CLEAR_SECONDS = 1.5
"""A shorter utterance makes no new speaker and changes no mean voice."""
_MAX_SECONDS = 10.0
"""What a long utterance counts for in the mean voice of its speaker."""
_MAX_SPEAKERS = 100


class OnlineSpeakers:
    """The speakers of one stream so far."""

    def __init__(self) -> None:
        self._sums: list[npt.NDArray[np.float64]] = []

    def assign(self, embedding: Embedding, seconds: float) -> int:
        """Returns the number of an utterance's speaker, from 0.

        Args:
            embedding: of the utterance, [values], of length 1.
            seconds: length of its speech.
        """
        clear = seconds >= _CLEAR_SECONDS
        weight = min(seconds, _MAX_SECONDS)
        if self._sums:
            means = np.stack([total / np.linalg.norm(total) for total in self._sums])
            similarities = means @ embedding
            nearest = int(similarities.argmax())
            is_known = similarities[nearest] >= _SIMILARITY
            if not clear or is_known or len(self._sums) >= _MAX_SPEAKERS:
                if clear and is_known:
                    self._sums[nearest] += weight * embedding
                return nearest
        self._sums.append(weight * embedding.astype(np.float64))
        return len(self._sums) - 1
