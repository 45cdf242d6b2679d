"""Cuts emissions, which arrive window by window, into pieces to decode at silences.

Each piece has context on both sides, so that a beam search and its language model see across the
cut. A word belongs to the piece that its middle lies in.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.decoding.types import Emissions
from app.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Cutting:
    """Where a recording may be cut, all in seconds.

    Attributes:
        pause: silence this long is a place to cut.
        context: what a piece has of its neighbours, on each side at most.
        longest: without a pause, a piece is cut once this much is waiting, at the longest silence
            of its second half.
        margin: such a cut leaves at least this much after it, for the next window may change it.
    """

    pause: float = 0.6
    context: float = 10.0
    longest: float = 30.0
    margin: float = 3.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a recording whose emissions are final.

    Attributes:
        emissions: float32 [frames, vocabulary], with context on both sides.
        first: the recording's frame that is the first of these.
        start: the recording's frame that the piece begins with.
        stop: one past its last frame.
        quiet_until: the frames from `stop` up to this one are silent.
    """

    emissions: Emissions
    first: int
    start: int
    stop: int
    quiet_until: int


class PieceCutter:
    """Cuts the emissions of one recording into pieces.

    Args:
        vocabulary: of the emissions.
        frame_seconds: length of one frame in seconds.
        cutting: where it may be cut.
    """

    def __init__(
        self, vocabulary: Vocabulary, frame_seconds: float, cutting: Cutting | None = None
    ) -> None:
        cutting = cutting or Cutting()
        self._silent = silent_tokens(vocabulary)
        self._pause, self._context, self._longest, self._margin = (
            max(1, round(seconds / frame_seconds))
            for seconds in (cutting.pause, cutting.context, cutting.longest, cutting.margin)
        )
        self._known = np.zeros((0, len(vocabulary)), np.float32)
        self._first = 0
        self._start = 0

    def add(self, emissions: Emissions) -> Piece | None:
        """Adds the next frames; returns the piece that ends in them, if one does.

        Args:
            emissions: float32 [frames, vocabulary].
        """
        self._known = np.concatenate((self._known, emissions))
        waiting = self._known[self._start - self._first :]
        starts, stops = _runs(self._silent[waiting.argmax(axis=1)])
        # The rest of the pause at the last cut is not cut again.
        inner = (starts > 0) | (stops == len(waiting))
        pauses = np.flatnonzero((stops - starts >= self._pause) & inner)
        if len(pauses):
            start, stop = int(starts[pauses[-1]]), int(stops[pauses[-1]])
            return self._cut((start + stop) // 2, stop)
        if len(waiting) <= self._longest:
            return None
        at = _longest_within(starts, stops, len(waiting) // 2, len(waiting) - self._margin)
        return self._cut(at, at)

    def close(self) -> Piece:
        """Returns the rest, which may be empty; there are no more frames."""
        waiting = len(self._known) - (self._start - self._first)
        return self._cut(waiting, waiting)

    def _cut(self, at: int, quiet_until: int) -> Piece:
        """Returns the piece that ends `at` frames after its start; drops frames no other needs."""
        start, stop = self._start, self._start + at
        end = min(stop + self._context, self._first + len(self._known))
        piece = Piece(
            emissions=self._known[: end - self._first],
            first=self._first,
            start=start,
            stop=stop,
            quiet_until=start + quiet_until,
        )
        keep = max(self._first, stop - self._context)
        self._known = self._known[keep - self._first :]
        self._first, self._start = keep, stop
        return piece


def silent_tokens(vocabulary: Vocabulary) -> npt.NDArray[np.bool_]:
    """Returns which tokens are not text: blank, special tokens, delimiters; bool [vocabulary]."""
    return np.array(
        [
            index in {vocabulary.blank, vocabulary.delimiter}
            or index in vocabulary.special
            or not token.strip()
            for index, token in enumerate(vocabulary.tokens)
        ]
    )


def _runs(silent: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns where silence starts and where it stops, in order."""
    edges = np.diff(np.concatenate(([0], silent.astype(np.int8), [0])))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _longest_within(
    starts: npt.NDArray[np.intp], stops: npt.NDArray[np.intp], low: int, high: int
) -> int:
    """Returns the middle of the longest silence between two frames; `high` where there is none."""
    lengths = np.minimum(stops, high) - np.maximum(starts, low)
    if not len(lengths) or lengths.max() <= 0:
        return high
    best = int(np.flatnonzero(lengths == lengths.max())[-1])
    return int(max(starts[best], low) + min(stops[best], high)) // 2
