"""Moments of a signal, updated block by block."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Statistics:
    """Moments of a signal: count, mean, sum of squared deviations and peak, in float64."""

    count: int = 0
    mean: float = 0.0
    deviations: float = 0.0
    peak: float = 0.0

    def merged(self, block: npt.NDArray[np.float32]) -> "Statistics":
        """Returns the statistics with one more block [samples].

        Pairwise update of Chan, Golub and LeVeque (1979): unlike a running sum of squares it
        keeps its precision over hours and with a constant offset in the signal.
        """
        count = self.count + block.size
        exact = block.astype(np.float64)
        mean = float(exact.mean())
        exact -= mean
        difference = mean - self.mean
        return Statistics(
            count=count,
            mean=self.mean + difference * block.size / count,
            deviations=self.deviations
            + float(exact @ exact)
            + difference * difference * self.count * block.size / count,
            peak=max(self.peak, float(block.max()), -float(block.min())),
        )
