"""The newest audio of one stream in, any part of what is still kept out."""

from collections import deque

import numpy as np

from app.audio import Samples


class AudioBuffer:
    """Audio by its position in the stream, in samples; what is no longer needed is cut off."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, Samples]] = deque()
        self.end = 0

    def append(self, samples: Samples) -> None:
        """Add the next samples; they are kept, not copied."""
        if samples.size:
            self._blocks.append((self.end, samples))
            self.end += samples.size

    def keep_from(self, position: int) -> None:
        """Let go of whole blocks before a position."""
        while self._blocks and self._blocks[0][0] + self._blocks[0][1].size <= position:
            self._blocks.popleft()

    def part(self, start: int, stop: int) -> Samples:
        """A copy of the samples from `start` up to `stop`, which must still be kept."""
        parts = [
            block[max(0, start - first) : stop - first]
            for first, block in self._blocks
            if first < stop and first + block.size > start
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)
