"""Emissions of an utterance that is still growing: windows to encode out, their emissions in.

The encoder sees to both sides. So the newest frames are only lent until more audio has come after
them, and each step encodes them again, with context before them that is computed and dropped.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE, Window
from app.audio.frames import FrameGrid


@dataclass(frozen=True, slots=True)
class Margins:
    """What a step encodes, in seconds.

    Attributes:
        window: length of the encoded window, at least.
        before: context at its beginning, which is dropped.
        after: frames this close to the edge of the audio are encoded again by the next step.
    """

    window: float = 4.0
    before: float = 1.0
    after: float = 0.8


class SlidingEmissions:
    """The emissions of one utterance as far as it was heard.

    Args:
        hop: samples from one frame to the next.
        receptive_field: samples one frame sees.
        margins: what a step encodes.
    """

    def __init__(self, hop: int, receptive_field: int, margins: Margins) -> None:
        self._hop = hop
        self._grid = FrameGrid(hop, receptive_field)
        self._window, self._before, self._after = (
            round(seconds * SAMPLE_RATE / hop)
            for seconds in (margins.window, margins.before, margins.after)
        )
        self.values: npt.NDArray[np.float32] | None = None
        """float32 [frames, vocabulary]; None before the first step."""

    def frames(self, samples: int) -> int:
        """How many frames that many samples give."""
        return self._grid.frames(samples)

    def plan(self, samples: int) -> Window | None:
        """The window to encode once the utterance has that many samples; None for no frame."""
        frames = self.frames(samples)
        if frames == 0:
            return None
        known = 0 if self.values is None else len(self.values)
        first = min(frames - self._window, known - self._after - self._before)
        first = max(0, first)
        return Window(
            start=first * self._hop,
            stop=samples,
            keep_from=self._before if first else 0,
            keep_to=frames - first,
        )

    def add(self, window: Window, kept: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Take the kept emissions of a planned window.

        Returns:
            float32 [frames, vocabulary] of the whole utterance.
        """
        start = window.start // self._hop + window.keep_from
        known = kept if self.values is None else np.concatenate((self.values[:start], kept))
        self.values = known
        return known
