"""Fits calibration curves to word posteriors, and measures their calibration error.

Isotonic regression (Zadrozny and Elkan 2002, "Transforming classifier scores into accurate
multiclass probability estimates") over bins of equally many words, which keeps the curve smooth;
the expected calibration error is that of Guo et al. 2017, "On calibration of modern neural
networks".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.decoding.calibration import Curve

_MIN_IN_BIN = 40
_MAX_BINS = 20
_BINS = 10

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Items of like confidence: how many, their mean confidence, and the share that was right."""

    count: int
    confidence: float
    share: float


def fit_curve(posteriors: Numbers, right: Numbers) -> Curve:
    """Returns the rising line that fits best.

    Args:
        posteriors: of each word, 0..1, float64 [words].
        right: 1 where the word is right, 0 where not.

    Raises:
        ValueError: there are no words.
    """
    if not len(posteriors):
        raise ValueError("there are no words to fit a curve to")
    order = np.argsort(posteriors, kind="stable")
    bins = int(np.clip(len(order) // _MIN_IN_BIN, 1, _MAX_BINS))
    # Half a word right and half a word wrong in each, so that nothing is certain.
    places, shares, counts = [], [], []
    for part in np.array_split(order, bins):
        places.append(float(posteriors[part].mean()))
        shares.append((float(right[part].sum()) + 0.5) / (len(part) + 1))
        counts.append(float(len(part)))
    rising = pool_violators(np.array(shares), np.array(counts))
    kept = np.flatnonzero(np.diff(places, prepend=-1.0) > 1e-6)  # noqa: PLR2004 - as we round
    return Curve(
        tuple(round(places[index], 6) for index in kept),
        tuple(round(float(rising[index]), 6) for index in kept),
    )


def pool_violators(values: Numbers, weights: Numbers) -> Numbers:
    """Returns the non-falling sequence nearest to `values` by weighted squares."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, size = value, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, heavy, many = blocks.pop()
            mean = (before * heavy + mean * mass) / (heavy + mass)
            mass += heavy
            size += many
        blocks.append((mean, mass, size))
    return np.concatenate([np.full(size, mean) for mean, _, size in blocks])


def reliability(confidences: Numbers, right: Numbers, *, bins: int = _BINS) -> list[Bin]:
    """Sorts items into equally wide bins of confidence; those without items are left out."""
    places = np.minimum((confidences * bins).astype(int), bins - 1)
    return [
        Bin(int(inside.sum()), float(confidences[inside].mean()), float(right[inside].mean()))
        for inside in (places == index for index in range(bins))
        if inside.any()
    ]


def calibration_error(bins: list[Bin]) -> float:
    """Returns the mean distance of confidence and share, weighted by items."""
    total = sum(item.count for item in bins)
    return sum(item.count * abs(item.confidence - item.share) for item in bins) / max(total, 1)
