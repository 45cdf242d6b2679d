"""Joins the emissions of a recording's windows, which arrive in any order, into one array.

Context frames are dropped as each window arrives, so they are never kept.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from app.engine.types import FloatArray, WindowCallback, WindowLike
from app.errors import EncodingError


class Stitcher:
    """Joins the kept frames of a recording's windows into one preallocated array.

    Args:
        windows: the recording's windows, in order of time.
        on_window: called with each window's index and kept emissions, always in order of
            time; a window that arrives early waits for those before it.
    """

    def __init__(
        self, windows: Sequence[WindowLike], on_window: WindowCallback | None = None
    ) -> None:
        self._windows = windows
        self._on_window = on_window
        self._offsets = [0, *accumulate(window.keep_to - window.keep_from for window in windows)]
        self._arrived = [False] * len(windows)
        self._delivered = 0
        self._missing = len(windows)
        self._emissions: FloatArray | None = None

    @property
    def complete(self) -> bool:
        """Every window has arrived."""
        return self._missing == 0

    @property
    def emissions(self) -> FloatArray:
        """float32 [frames, vocabulary]; complete once every window has arrived."""
        assert self._emissions is not None
        return self._emissions

    def add(self, index: int, emissions: FloatArray) -> None:
        """Inserts one window's emissions, float32 [frames, vocabulary], context included.

        Raises:
            EncodingError: there are fewer frames than the window is to keep.
        """
        window = self._windows[index]
        if len(emissions) < window.keep_to:
            raise EncodingError(
                f"The model gave {len(emissions)} frames for window {index}; "
                f"{window.keep_to} are needed."
            )
        if self._emissions is None:
            self._emissions = np.empty((self._offsets[-1], emissions.shape[1]), np.float32)
        kept = emissions[window.keep_from : window.keep_to]
        self._emissions[self._offsets[index] : self._offsets[index + 1]] = kept
        if not self._arrived[index]:
            self._arrived[index] = True
            self._missing -= 1
        self._deliver()

    def _deliver(self) -> None:
        """Calls `on_window` for the windows before the first that is still missing, each once."""
        while self._delivered < len(self._windows) and self._arrived[self._delivered]:
            index = self._delivered
            self._delivered += 1
            if self._on_window is not None:
                self._on_window(
                    index, self.emissions[self._offsets[index] : self._offsets[index + 1]]
                )
