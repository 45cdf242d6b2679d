"""The Viterbi passes in C; the results are those of `NumpyKernel`."""

import ctypes

import numpy as np

from app.decoding.align.trellis import Indexes, Pointers, Rows, Trellis


class NativeKernel:
    """Hundreds of times as fast as numpy for short audio; releases the GIL.

    Args:
        library: from `app.decoding.native.load_library`.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def forward(
        self, trellis: Trellis, start: int, stop: int, rows: Rows, pointers: Pointers | None
    ) -> Rows:
        """As `Kernel`."""
        values, work = rows.values.copy(), np.full_like(rows.values, -np.inf)
        penalties = trellis.penalties()
        scores = trellis.scores[start:stop]
        self._library.nordlyd_viterbi_forward(
            *(scores.ctypes.data, start, stop - start, len(trellis.scores), scores.shape[1]),
            *(trellis.labels.ctypes.data, trellis.gaps.ctypes.data, penalties.ctypes.data),
            *(len(trellis.labels), trellis.jump_gaps.ctypes.data, trellis.jump_scores.ctypes.data),
            *(len(trellis.jump_scores), values.ctypes.data, work.ctypes.data),
            *(
                (pointers.gaps.ctypes.data, pointers.labels.ctypes.data)
                if pointers
                else (None,) * 2
            ),
        )
        return Rows(values)

    def backward(self, trellis: Trellis, pointers: Pointers, path: Indexes, state: int) -> int:
        """As `Kernel`."""
        origin = np.zeros(len(trellis.gaps), dtype=np.int32)
        origin[trellis.jump_gaps[1:]] = trellis.jump_gaps[:-1]
        return int(
            self._library.nordlyd_viterbi_backward(
                *(pointers.gaps.ctypes.data, pointers.labels.ctypes.data, len(path)),
                *(len(trellis.labels), origin.ctypes.data, state, path.ctypes.data),
            )
        )
