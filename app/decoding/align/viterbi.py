"""The most probable state of every frame, given the order of tokens.

The topology is that of Graves et al. 2006, "Connectionist Temporal Classification", section 4:
tokens in order, a gap before, between and after them, each of any length; a gap may be empty,
except between two equal tokens. Optional jumps omit the tokens between two gaps.
Memory grows with the square root of the frames: rows are stored at intervals, and the rows between
them are computed again (Grice, Hughey and Speck 1997, "Reduced space sequence alignment").
"""

import numpy as np

from app.decoding.align.native_kernel import NativeKernel
from app.decoding.align.numpy_kernel import NumpyKernel
from app.decoding.align.trellis import Indexes, Kernel, Pointers, Rows, Trellis
from app.decoding.native import load_library
from app.decoding.scheduling import check_cancelled

# Pointers of this many bytes are kept at once; above it rows are computed twice.
_POINTER_BYTES = 2**26


def best_path(trellis: Trellis, kernel: Kernel | None = None) -> Indexes:
    """Returns the most probable path.

    Args:
        trellis: to search.
        kernel: of the passes; default: the compiled one if there is one.

    Returns:
        int32 [frames], the state of each frame: 2k for gap k, 2k + 1 for token k.

    Raises:
        ValueError: the tokens do not fit into the frames.
        JobCancelledError: the job was cancelled.
        DeadlineExceededError: its deadline passed.
    """
    kernel = kernel or default_kernel()
    frames, tokens = len(trellis.scores), len(trellis.labels)
    path = np.zeros(frames, dtype=np.int32)
    block = max(frames, 1)
    if frames * 2 * (tokens + 1) > _POINTER_BYTES:
        block = max(round(frames**0.5), 1)
    size = (min(block, frames), tokens + 1)
    pointers = Pointers(np.empty(size, np.uint8), np.empty(size, np.uint8))
    starts = range(0, frames, block)
    row = Rows.before(tokens)
    kept: list[Rows] = []
    for start in starts:
        check_cancelled()
        kept.append(row)
        last = pointers if start == starts[-1] else None
        row = kernel.forward(trellis, start, min(start + block, frames), row, last)
    in_token = tokens > 0 and row.labels[-1] > row.gaps[-1]
    if not np.isfinite(row.labels[-1] if in_token else row.gaps[-1]):
        raise ValueError(f"{tokens} tokens cannot be aligned to {frames} frames")
    state = 2 * tokens - 1 if in_token else 2 * tokens
    for index in range(len(starts) - 1, -1, -1):
        check_cancelled()
        start, stop = starts[index], min(starts[index] + block, frames)
        if index < len(starts) - 1:
            kernel.forward(trellis, start, stop, kept[index], pointers)
        state = kernel.backward(trellis, pointers, path[start:stop], state)
    return path


def default_kernel() -> Kernel:
    """Returns the compiled kernel, or numpy's if none was compiled."""
    library = load_library()
    return NumpyKernel() if library is None else NativeKernel(library)
