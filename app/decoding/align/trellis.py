"""The trellis of an alignment, and the interface of the kernels that search its best path."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Indexes = NDArray[np.int32]

STAY, STEP, SKIP, JUMP = 0, 1, 2, 3
"""Where a path came from: its own state, one before, two before; or by a jump from a gap."""


@dataclass(frozen=True, slots=True)
class Trellis:
    """Tokens in order, with a gap before, between and after them.

    Attributes:
        scores: float32 [frames, columns], finite, contiguous.
        labels: int32 [tokens], the column of each token.
        gaps: int32 [tokens + 1], the column of each gap; gap k stands before token k.
        adjoining: bool [tokens], whether a token may follow the one before it with no gap.
        jump_gaps: int32 [jumps + 1], ascending; jump i leads from gap `jump_gaps[i]` to gap
            `jump_gaps[i + 1]` and leaves out the tokens between them. Empty: no jumps.
        jump_scores: float32 [jumps], what each jump adds, at most 0.
    """

    scores: Scores
    labels: Indexes
    gaps: Indexes
    adjoining: NDArray[np.bool_]
    jump_gaps: Indexes
    jump_scores: Scores

    def __post_init__(self) -> None:
        tokens = len(self.labels)
        sizes = (len(self.gaps), len(self.adjoining), max(len(self.jump_gaps), 1))
        if sizes != (tokens + 1, tokens, len(self.jump_scores) + 1):
            raise ValueError(f"the parts of a trellis of {tokens} tokens do not fit together")

    def penalties(self) -> Scores:
        """Returns the score of a step from each token's predecessor to it: 0 or minus infinity."""
        penalties = np.where(self.adjoining, 0.0, -np.inf).astype(np.float32)
        penalties[:1] = -np.inf
        return penalties

    def path_scores(self, path: Indexes) -> Scores:
        """Returns the score of each frame on a path of states, as `best_path` returns it."""
        columns = np.empty(2 * len(self.labels) + 1, dtype=np.int32)
        columns[0::2], columns[1::2] = self.gaps, self.labels
        found: Scores = self.scores[np.arange(len(path)), columns[path]]
        return found


@dataclass(frozen=True, slots=True)
class Rows:
    """The best score of a path to each state after some frame.

    `values` is float32 [2, tokens + 2]; gaps are row 0 and tokens row 1, each from column 1 on.
    """

    values: Scores

    @classmethod
    def before(cls, tokens: int) -> "Rows":
        """Returns the scores before the first frame: every path is in the first gap."""
        values = np.full((2, tokens + 2), -np.inf, dtype=np.float32)
        values[0, 1] = 0.0
        return cls(values)

    @property
    def gaps(self) -> Scores:
        """[tokens + 1]."""
        return self.values[0, 1:]

    @property
    def labels(self) -> Scores:
        """[tokens]."""
        return self.values[1, 1:-1]


@dataclass(frozen=True, slots=True)
class Pointers:
    """Back-pointers of the best path to each gap and token; uint8 [frames, tokens + 1] each."""

    gaps: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class Kernel(Protocol):
    """The forward and backward passes; numpy or compiled."""

    def forward(
        self, trellis: Trellis, start: int, stop: int, rows: Rows, pointers: Pointers | None
    ) -> Rows:
        """Runs the forward pass over the frames from `start` to `stop`.

        Args:
            trellis: to search.
            start: the first frame.
            stop: one past the last frame.
            rows: scores before the first frame; not changed.
            pointers: filled where given; `stop - start` long.

        Returns:
            The scores after the last frame.
        """
        ...

    def backward(self, trellis: Trellis, pointers: Pointers, path: Indexes, state: int) -> int:
        """Fills `path`, int32 [frames], from its end in `state`; returns the state before it."""
        ...
