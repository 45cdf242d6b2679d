"""Computes confidence intervals of error rates from the errors of each utterance.

The bootstrap of Bisani and Ney 2004, "Bootstrap Estimates for Confidence Intervals in ASR
Performance Evaluation" (ICASSP): the test set is drawn again, with replacement, many times,
and the interval holds the middle 95 % of the rates. Utterances of one speaker go wrong
together, so whole speakers are drawn where there are enough of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.alignment import Alignment

REPLICATES = 2000
SEED = 2004
LEVEL = 0.95
# Fewer draw the same few sets again and again, and the interval means nothing.
MIN_SPEAKERS = 10

# Draws that are in memory at once.
_BLOCK = 2**20

Rates = NDArray[np.float64]
Unit = Literal["speaker", "utterance"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of a 95 % confidence interval."""

    low: float
    high: float


class Bootstrap:
    """The same drawn test sets for every rate of one evaluation, so that rates can be compared.

    Args:
        speakers: who spoke each utterance, empty where that is not known.
        replicates: how many test sets are drawn.
        seed: drives the draw.
    """

    def __init__(
        self, speakers: Sequence[str], *, replicates: int = REPLICATES, seed: int = SEED
    ) -> None:
        known = sorted(set(speakers))
        by_speaker = "" not in known and len(known) >= MIN_SPEAKERS
        self.unit: Unit = "speaker" if by_speaker else "utterance"
        place = {speaker: index for index, speaker in enumerate(known)}
        self._group: NDArray[np.intp] = (
            np.array([place[speaker] for speaker in speakers], np.intp)
            if by_speaker
            else np.arange(len(speakers), dtype=np.intp)
        )
        self._groups = len(known) if by_speaker else len(speakers)
        self._replicates = replicates
        self._seed = seed

    def interval(self, alignments: Sequence[Alignment]) -> Interval:
        """Returns where the error rate of these alignments, one an utterance, lies."""
        return middle(self.rates(alignments))

    def difference(self, first: Sequence[Alignment], second: Sequence[Alignment]) -> Interval:
        """Returns where the second rate less the first lies, both on the same drawn sets."""
        return middle(self.rates(second) - self.rates(first))

    def rates(self, alignments: Sequence[Alignment]) -> Rates:
        """Returns the error rate of every drawn set, [replicates]."""
        errors, lengths = np.zeros(self._groups), np.zeros(self._groups)
        np.add.at(errors, self._group, [item.errors for item in alignments])
        np.add.at(lengths, self._group, [item.length for item in alignments])
        choice = np.random.default_rng(self._seed)
        rates = np.empty(self._replicates)
        step = max(1, _BLOCK // self._groups)
        for start in range(0, self._replicates, step):
            block = rates[start : start + step]
            drawn = choice.integers(self._groups, size=(len(block), self._groups))
            block[:] = errors[drawn].sum(axis=1) / np.maximum(1.0, lengths[drawn].sum(axis=1))
        return rates


def middle(rates: Rates) -> Interval:
    """Returns the interval that holds the middle 95 % of some rates or differences."""
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(rates, [outside, 1 - outside])
    return Interval(float(low), float(high))
