"""When audio came: its position in the stream in, the instant it arrived out."""

from bisect import bisect_left
from collections import deque

# Some minutes of audio in pieces of 20 ms.
_REMEMBERED = 8192


class Arrivals:
    """The instants at which the newest audio of one stream arrived."""

    def __init__(self) -> None:
        self._notes: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)

    def note(self, received: int, instant: float) -> None:
        """Say that by that instant so many samples had come."""
        self._notes.append((received, instant))

    def when(self, sample: int) -> float | None:
        """The instant by which a sample had come; None where that is not known any more."""
        index = bisect_left(self._notes, (sample, 0.0))
        return self._notes[index][1] if 0 <= index < len(self._notes) else None
