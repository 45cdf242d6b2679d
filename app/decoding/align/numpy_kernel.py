"""The Viterbi passes in numpy: a loop over frames, all states of a frame at once."""

import numpy as np

from app.decoding.align.trellis import JUMP, SKIP, Indexes, Pointers, Rows, Trellis


class NumpyKernel:
    """The reference of the compiled kernel, and its replacement where nothing was compiled."""

    def forward(
        self, trellis: Trellis, start: int, stop: int, rows: Rows, pointers: Pointers | None
    ) -> Rows:
        """As `Kernel`."""
        rows = Rows(rows.values.copy())
        gaps, labels = rows.gaps, rows.labels
        penalties = trellis.penalties()
        direct = np.full_like(labels, -np.inf)
        for frame in range(start, stop):
            scores = trellis.scores[frame]
            np.add(labels[:-1], penalties[1:], out=direct[1:])
            moved = np.maximum(gaps[:-1], labels)
            if pointers is not None:
                from_gap, from_label = pointers.gaps[frame - start], pointers.labels[frame - start]
                from_gap[0] = 0
                from_gap[1:] = labels > gaps[1:]
                from_label[:-1] = gaps[:-1] > labels
                from_label[:-1][direct > moved] = SKIP
            np.maximum(moved, direct, out=moved)
            np.maximum(gaps[1:], labels, out=gaps[1:])
            gaps += scores[trellis.gaps]
            np.add(moved, scores[trellis.labels], out=labels)
            if len(trellis.jump_scores):
                jumped = _jump(trellis, rows)
                if pointers is not None:
                    pointers.gaps[frame - start, jumped] = JUMP
        return rows

    def backward(self, trellis: Trellis, pointers: Pointers, path: Indexes, state: int) -> int:
        """As `Kernel`."""
        origin = dict(zip(trellis.jump_gaps[1:].tolist(), trellis.jump_gaps.tolist(), strict=False))
        for frame in range(len(path) - 1, -1, -1):
            while not state % 2 and pointers.gaps[frame, state // 2] == JUMP:
                state = 2 * origin[state // 2]
            path[frame] = state
            rows = pointers.labels if state % 2 else pointers.gaps
            state -= int(rows[frame, state // 2])
        return state


def _jump(trellis: Trellis, rows: Rows) -> Indexes:
    """Applies the jumps between gaps; returns the gaps that a jump improves."""
    total = np.concatenate(([0.0], np.cumsum(trellis.jump_scores, dtype=np.float64)))
    reached = rows.gaps[trellis.jump_gaps]
    best = (np.maximum.accumulate(reached - total) + total).astype(np.float32)
    better = best > reached
    better[0] = False
    found: Indexes = trellis.jump_gaps[better]
    rows.gaps[found] = best[better]
    return found
