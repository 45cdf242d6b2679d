"""Scores of frames and the order of tokens in, the most probable state of every frame out.

The topology is that of Graves et al. 2006, "Connectionist Temporal Classification", section 4:
tokens in order, a gap before, between and after them, each as long as it likes; a gap may be
empty, except between two equal tokens. Optional jumps leave out what stands between two gaps.
Memory is kept to the square root of the frames by keeping every so many rows and computing the
rows between them again (Grice, Hughey and Speck 1997, "Reduced space sequence alignment").
"""

import numpy as np

from app.decoding.align.native_kernel import NativeKernel
from app.decoding.align.numpy_kernel import NumpyKernel
from app.decoding.align.trellis import Indexes, Kernel, Pointers, Rows, Trellis
from app.decoding.native import load_library
from app.decoding.turns import check_turn

# Pointers of this many bytes are kept at once; above it rows are computed twice.
_POINTER_BYTES = 2**26


def best_path(trellis: Trellis, kernel: Kernel | None = None) -> Indexes:
    """Return the most probable path.

    Args:
        trellis: what is aligned.
        kernel: does the sums; default: the compiled one where there is one.

    Returns:
        int32 [frames], the state of each frame: 2k for gap k, 2k + 1 for token k.

    Raises:
        ValueError: the tokens do not fit into the frames.
        StoppedError: the job that this is part of was cancelled.
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
        check_turn()
        kept.append(row)
        wanted = pointers if start == starts[-1] else None
        row = kernel.forward(trellis, start, min(start + block, frames), row, wanted)
    in_token = tokens > 0 and row.labels[-1] > row.gaps[-1]
    if not np.isfinite(row.labels[-1] if in_token else row.gaps[-1]):
        raise ValueError(f"{tokens} tokens cannot be aligned to {frames} frames")
    state = 2 * tokens - 1 if in_token else 2 * tokens
    for index in range(len(starts) - 1, -1, -1):
        check_turn()
        start, stop = starts[index], min(starts[index] + block, frames)
        if index < len(starts) - 1:
            kernel.forward(trellis, start, stop, kept[index], pointers)
        state = kernel.backward(trellis, pointers, path[start:stop], state)
    return path


def default_kernel() -> Kernel:
    """The compiled kernel, or numpy's where none was compiled."""
    library = load_library()
    return NumpyKernel() if library is None else NativeKernel(library)
