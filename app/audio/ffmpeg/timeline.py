"""Where decoded frames lie in time: how much silence comes before each, and what is cut off it.

Timestamps and lengths flow in, a `Placement` flows out. Timestamps are rounded, late and early by
some milliseconds in most containers; the samples themselves are the better clock over a short
time, the timestamps over a long one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.audio.options import AudioLimits

# Below this, timestamps and samples agree: rounding, and encoders that wake up late.
_TOLERANCE = 0.03
# A jump so large is a gap at once; a smaller one only if it lasts.
_CERTAIN_GAP = 0.15
_LASTING_GAP = 0.25
_LASTING_OVERLAP = 1.0
# Time that goes back further than this begins anew: another recording was joined.
_RESTART = 0.5
# As FFmpeg's own program takes it (`-dts_delta_threshold`), where clocks may jump.
_SPLICE = 10.0
# What lies before the beginning of the timeline, up to this, is not shown by players.
_LONGEST_PREROLL = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """What to do with a frame, in samples at its rate: silence before it, or cut from its start."""

    silence: int = 0
    cut: int = 0


class Timeline:
    """Places the frames of one track.

    Args:
        limits: how long gaps and the whole may be.
        splices: the clock may jump forward where recordings were joined.
        on_jump: called where the clock jumps, with the seconds it jumps by.
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
        self._off_least = 0.0

    @property
    def end(self) -> float:
        """Where the last frame ended, in seconds from the beginning."""
        return self._base + self._samples / self._rate

    def place(self, at: float | None, samples: int, rate: int) -> Placement:
        """Place the next frame.

        Args:
            at: its time in seconds from the beginning; None follows on the frame before.
            samples: its length.
            rate: samples per second.

        Raises:
            AudioError: there is a longer gap before it than is accepted.
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
        """Seconds by which the next frame is to be moved: later, or earlier where negative."""
        end = self.end
        off = at + self._offset - end
        first = end == 0.0
        if first and -_LONGEST_PREROLL < off < -_TOLERANCE:
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
        """The smallest deviation of a run of them to one side, once the run has lasted."""
        if self._off_since is None or (off > 0) != (self._off_least > 0):
            self._off_since, self._off_least = end, off
        self._off_least = min(self._off_least, off, key=abs)
        if end - self._off_since < (_LASTING_GAP if off > 0 else _LASTING_OVERLAP):
            return 0.0
        self._off_since = None
        return self._off_least
