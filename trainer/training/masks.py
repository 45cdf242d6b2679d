"""Draws the spans that SpecAugment masks, from a seeded generator.

The rule is that of transformers, drawn row by row: what is hidden of an utterance does not
depend on the utterances beside it, so a batch may be cut in two and stay the same.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def span_mask(
    sizes: Sequence[int],
    generators: Sequence[np.random.Generator],
    *,
    width: int,
    probability: float,
    length: int,
    least: int,
) -> Mask:
    """Returns which places are hidden, bool [rows, width].

    After Park et al. 2019, arXiv:1904.08779.

    Args:
        sizes: how many places each row has.
        generators: of each row's choices.
        width: places of every row, those after its size stay visible.
        probability: of a place to be hidden, if spans did not overlap.
        length: of a span; a row that is shorter is left whole.
        least: spans of a row, where they fit.
    """
    mask = np.zeros((len(sizes), width), np.bool_)
    for row, size, generator in zip(mask, sizes, generators, strict=True):
        # The fraction of a span is drawn for: on average there are exactly as many as required.
        count = max(int(probability * size / length + generator.random()), least)
        starts = size - length + 1
        if starts < 1:
            continue
        chosen = generator.choice(starts, min(count, size // length, starts), replace=False)
        row[(chosen[:, None] + np.arange(length)).ravel()] = True
    return mask
