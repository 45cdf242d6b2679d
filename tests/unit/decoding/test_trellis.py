"""The compiled kernel of the alignment finds what numpy finds, with and without jumps."""

import itertools

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from app.decoding.align import Trellis, best_path, default_kernel
from app.decoding.align.numpy_kernel import NumpyKernel

KERNELS = (NumpyKernel(), default_kernel())


def trellis_of(
    scores: np.ndarray, labels: list[int], jump_gaps: list[int], jump_scores: list[float]
) -> Trellis:
    tokens = np.array(labels, dtype=np.int32)
    return Trellis(
        scores=np.ascontiguousarray(scores, dtype=np.float32),
        labels=tokens,
        gaps=np.zeros(len(labels) + 1, dtype=np.int32),
        adjoining=np.diff(tokens, prepend=tokens[:1]) != 0,
        jump_gaps=np.array(jump_gaps, dtype=np.int32),
        jump_scores=np.array(jump_scores, dtype=np.float32),
    )


@st.composite
def trellises(draw: st.DrawFn, frames: int = 40, tokens: int = 12) -> Trellis:
    count = draw(st.integers(1, frames))
    labels = draw(st.lists(st.integers(1, 3), max_size=tokens))
    seed = draw(st.integers(0, 2**32 - 1))
    scores = np.random.default_rng(seed).normal(size=(count, 4))
    jumps: list[int] = []
    if draw(st.booleans()):
        jumps = sorted(draw(st.sets(st.integers(0, len(labels)), min_size=2, max_size=5) if labels
                            else st.just({0})))  # fmt: skip
        jumps = jumps if len(jumps) > 1 else []
    costs = [draw(st.floats(-3, 0, width=32)) for _ in jumps[1:]]
    return trellis_of(scores, labels, jumps, costs)


def moves_of(trellis: Trellis) -> dict[tuple[int, int], float]:
    """Which state may follow which, and at what cost; the state after the last is the end."""
    end = 2 * len(trellis.labels) + 1
    gaps = trellis.jump_gaps.tolist()
    jumps = list(zip(gaps, gaps[1:], trellis.jump_scores.tolist(), strict=False))
    moves: dict[tuple[int, int], float] = {}
    for state in range(end):
        left = {state: 0.0}
        for start, stop, cost in jumps:
            if 2 * start in left:
                left[2 * stop] = left[2 * start] + cost
        for place, cost in left.items():
            nexts = [place, place + 1]
            if place % 2 and place + 2 < end and trellis.adjoining[place // 2 + 1]:
                nexts.append(place + 2)
            if place >= end - 2:
                nexts.append(end)
            for following in nexts:
                moves[state, following] = max(cost, moves.get((state, following), -np.inf))
    return moves


def score_of(
    trellis: Trellis, moves: dict[tuple[int, int], float], path: tuple[int, ...]
) -> float | None:
    """The score of a path, or None where there is no such path."""
    end = 2 * len(trellis.labels) + 1
    columns = [0, *(column for label in trellis.labels.tolist() for column in (label, 0))]
    steps = list(itertools.pairwise((*path, end)))
    if path[0] > 1 or any(step not in moves for step in steps):
        return None
    emitted = sum(float(trellis.scores[t, columns[state]]) for t, state in enumerate(path))
    return emitted + sum(moves[step] for step in steps)


@settings(deadline=None)
@given(trellises())
def test_both_kernels_find_an_equally_good_path(trellis: Trellis) -> None:
    """The paths may differ where two are as good: sums are rounded in another order."""
    moves = moves_of(trellis)
    scores = []
    for kernel in KERNELS:
        try:
            path = tuple(best_path(trellis, kernel).tolist())
        except ValueError:
            scores.append(None)
        else:
            score = score_of(trellis, moves, path)
            assert score is not None
            scores.append(score)
    assert scores[0] == (None if scores[1] is None else pytest.approx(scores[1], abs=1e-3))


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)
@settings(max_examples=examples(40), deadline=None)
@given(trellis=trellises(frames=4, tokens=3))
def test_no_other_path_with_jumps_scores_higher(kernel, trellis: Trellis) -> None:
    states = range(2 * len(trellis.labels) + 1)
    moves = moves_of(trellis)
    paths = itertools.product(states, repeat=len(trellis.scores))
    scores = (score_of(trellis, moves, path) for path in paths)
    best = max((score for score in scores if score is not None), default=None)
    if best is None:
        with pytest.raises(ValueError, match="cannot be aligned"):
            best_path(trellis, kernel)
        return
    path = tuple(best_path(trellis, kernel).tolist())
    assert score_of(trellis, moves, path) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)
def test_path_computed_in_blocks_equals_the_path_computed_at_once(
    kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    trellis = trellis_of(
        rng.normal(size=(300, 6)), rng.integers(1, 6, 80).tolist(), [0, 10, 25, 80], [-9, -9, -60]
    )
    whole = best_path(trellis, kernel)
    monkeypatch.setattr("app.decoding.align.viterbi._POINTER_BYTES", 1000)
    assert (best_path(trellis, kernel) == whole).all()
