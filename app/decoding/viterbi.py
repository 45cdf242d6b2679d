"""Scores of frames and the order of tokens in, the most probable state of every frame out.

The topology is that of Graves et al. 2006, "Connectionist Temporal Classification", section 4:
tokens in order, a gap before, between and after them, each as long as it likes; a gap may be
empty, except between two equal tokens. Optional jumps leave out what stands between two gaps.
Memory is kept to the square root of the frames by keeping every so many rows and computing the
rows between them again (Grice, Hughey and Speck 1997, "Reduced space sequence alignment").
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Indexes = NDArray[np.int32]

# Back-pointers of this many bytes are kept at once; above it rows are computed twice.
_POINTER_BYTES = 2**26
_STAY, _STEP, _SKIP, _JUMP = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Trellis:
    """What is aligned.

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


def best_path(trellis: Trellis) -> Indexes:
    """Return the most probable path.

    Returns:
        int32 [frames], the state of each frame: 2k for gap k, 2k + 1 for token k.

    Raises:
        ValueError: the tokens do not fit into the frames.
    """
    frames, tokens = len(trellis.scores), len(trellis.labels)
    path = np.zeros(frames, dtype=np.int32)
    if frames == 0:
        if tokens:
            raise ValueError(f"{tokens} tokens cannot be aligned to 0 frames")
        return path
    row_bytes = 2 * tokens + 1
    block = frames
    if frames * row_bytes > _POINTER_BYTES:
        block = max(round(frames**0.5), 1)
    row = _Row.before(tokens)
    kept: list[_Row] = []
    pointers = _Pointers(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.uint8))
    starts = list(range(0, frames, block))
    for start in starts:
        kept.append(row)
        last = start == starts[-1]
        row, found = _forward(trellis, start, min(start + block, frames), row, keep=last)
        pointers = found or pointers
    ends_in_token = tokens > 0 and row.labels[-1] > row.gaps[-1]
    if not np.isfinite(row.labels[-1] if ends_in_token else row.gaps[-1]):
        raise ValueError(f"{tokens} tokens cannot be aligned to {frames} frames")
    state = 2 * tokens - 1 if ends_in_token else 2 * tokens
    for index in range(len(starts) - 1, -1, -1):
        start, stop = starts[index], min(starts[index] + block, frames)
        if index < len(starts) - 1:
            _, found = _forward(trellis, start, stop, kept[index], keep=True)
            pointers = found or pointers
        state = _backward(trellis, pointers, path[start:stop], state)
    return path


@dataclass(frozen=True, slots=True)
class _Row:
    """The best score of a path into each gap and each token, after some frame."""

    gaps: Scores
    labels: Scores

    @classmethod
    def before(cls, tokens: int) -> "_Row":
        """Before the first frame: every path starts in the first gap."""
        gaps = np.full(tokens + 1, -np.inf, dtype=np.float32)
        gaps[0] = 0.0
        return cls(gaps, np.full(tokens, -np.inf, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class _Pointers:
    """Where the best path into each gap and each token came from; uint8 [frames, …]."""

    gaps: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def _forward(
    trellis: Trellis, start: int, stop: int, row: _Row, *, keep: bool
) -> tuple[_Row, _Pointers | None]:
    """Go through some frames; returns the row after them, and the pointers where wanted."""
    tokens = len(trellis.labels)
    gaps, labels = row.gaps.copy(), row.labels.copy()
    penalty = np.where(trellis.adjoining, 0.0, -np.inf).astype(np.float32)
    penalty[:1] = -np.inf
    from_gap = np.zeros((stop - start, tokens + 1) if keep else (0, 0), dtype=np.uint8)
    from_label = np.zeros((stop - start, tokens) if keep else (0, 0), dtype=np.uint8)
    jumps = len(trellis.jump_scores) > 0
    total = np.concatenate(([0.0], np.cumsum(trellis.jump_scores, dtype=np.float64)))
    direct = np.full(tokens, -np.inf, dtype=np.float32)
    for frame in range(start, stop):
        scores = trellis.scores[frame]
        np.add(labels[:-1], penalty[1:], out=direct[1:])
        if keep:
            np.greater(labels, gaps[1:], out=from_gap[frame - start, 1:], casting="unsafe")
            better = gaps[:-1] > labels
            pointer = from_label[frame - start]
            pointer[:] = better
            pointer[direct > np.where(better, gaps[:-1], labels)] = _SKIP
        moved = np.maximum(gaps[:-1], labels)
        np.maximum(moved, direct, out=moved)
        np.maximum(gaps[1:], labels, out=gaps[1:])
        gaps += scores[trellis.gaps]
        np.add(moved, scores[trellis.labels], out=labels)
        if jumps:
            reached = gaps[trellis.jump_gaps]
            best = np.maximum.accumulate(reached - total) + total
            jumped = best.astype(np.float32) > reached
            jumped[0] = False
            if keep:
                from_gap[frame - start, trellis.jump_gaps[jumped]] = _JUMP
            gaps[trellis.jump_gaps[jumped]] = best[jumped]
    return _Row(gaps, labels), _Pointers(from_gap, from_label) if keep else None


def _backward(trellis: Trellis, pointers: _Pointers, path: Indexes, state: int) -> int:
    """Fill `path` from its end, in `state`; returns the state before its first frame."""
    before = dict(zip(trellis.jump_gaps[1:].tolist(), trellis.jump_gaps.tolist(), strict=False))
    for frame in range(len(path) - 1, -1, -1):
        while not state % 2 and pointers.gaps[frame, state // 2] == _JUMP:
            state = 2 * before[state // 2]
        path[frame] = state
        if state % 2:
            state -= int(pointers.labels[frame, state // 2])
        else:
            state -= int(pointers.gaps[frame, state // 2])
    return state
