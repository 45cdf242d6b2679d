"""Places decoded frames in time: how much silence is inserted before a frame, or cut from it.

Timestamps are rounded, and early or late by some milliseconds, in most containers. The number of
samples is the better clock over a short time, the timestamps over a long one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.audio.options import AudioLimits

# Smaller deviations are rounding, or encoders that start late.
_TOLERANCE = 0.03
# So large a deviation is a gap at once; a smaller one only if it lasts.
_CERTAIN_GAP = 0.15
_LASTING_GAP = 0.25
_LASTING_OVERLAP = 1.0
# Timestamps that go back further than this belong to another recording that was joined.
_RESTART = 0.5
# The default of the ffmpeg program (`-dts_delta_threshold`) where timestamps may jump.
_SPLICE = 10.0
# Players leave out up to this much before the beginning of the timeline.
_MAX_PREROLL = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """What to insert before a frame or cut from its start, in samples at its rate."""

    silence: int = 0
    cut: int = 0


class Timeline:
    """Places the frames of one track.

    Args:
        limits: of gaps and duration.
        splices: timestamps may jump forward where recordings were joined.
        on_jump: called where timestamps jump, with the seconds that they jump by.
    """

    def __init__(
        self, limits: AudioLimits, *, splices: bool, on_jump: Callable[[float], None]
    ) -> None:
        self._limits = limits
        self._splices = splices
        self._on_jump = on_jump
        self._offset = 0.0
        self._base = 0.0
        self._samples = 0
        self._rate = 1
        self._off_since: float | None = None
        self._min_off = 0.0

    @property
    def end(self) -> float:
        """Where the last frame ended, in seconds from the beginning."""
        return self._base + self._samples / self._rate

    def place(self, at: float | None, samples: int, rate: int) -> Placement:
        """Places the next frame.

        Args:
            at: its timestamp in seconds from the beginning; None continues the frame before.
            samples: its length.
            rate: samples per second.

        Raises:
            AudioError: the gap before it is over the limit.
            TooLargeError: with that gap, the recording is too long.
        """
        if rate != self._rate:
            self._base, self._samples, self._rate = self.end, 0, rate
        correction = 0.0 if at is None else self._correction(at)
        silence = cut = 0
        if correction > 0:
            self._limits.check_gap(correction, self.end)
            silence = round(correction * rate)
        elif correction < 0:
            cut = min(samples, round(-correction * rate))
        self._samples += silence + samples - cut
        return Placement(silence, cut)

    def _correction(self, at: float) -> float:
        """Returns by how many seconds to move the next frame: later, or earlier where negative."""
        end = self.end
        off = at + self._offset - end
        first = end == 0.0
        if first and -_MAX_PREROLL < off < -_TOLERANCE:
            return off
        if off < -_RESTART or (self._splices and not first and off > _SPLICE):
            self._on_jump(off)
            self._offset -= off
            off = 0.0
        if abs(off) < _TOLERANCE:
            self._off_since = None
            return 0.0
        if first or off >= _CERTAIN_GAP:
            self._off_since = None
            return off
        return self._lasting(off, end)

    def _lasting(self, off: float, end: float) -> float:
        """Returns the smallest deviation of a run to one side, once the run has lasted; or 0."""
        if self._off_since is None or (off > 0) != (self._min_off > 0):
            self._off_since, self._min_off = end, off
        self._min_off = min(self._min_off, off, key=abs)
        if end - self._off_since < (_LASTING_GAP if off > 0 else _LASTING_OVERLAP):
            return 0.0
        self._off_since = None
        return self._min_off
