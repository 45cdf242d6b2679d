"""Many channels in, one out: their mean, or the loudest where they cancel each other.

A microphone that is wired the wrong way round, or a balanced line taken for stereo, gives one
channel that is the negative of the other: their mean is silence, and the speech is gone.
"""

import numpy as np
import numpy.typing as npt

from app.audio.recording import Samples
from app.audio.resample import mix_down

# Frames whose energies decide together: 20 to 130 ms at usual rates.
_PIECE = 1_024
# How much of the energies seen before still counts at the next piece.
_MEMORY = 0.6
# The energy of the mean, against what it would be if the channels had nothing in common: 1 then,
# as many as there are channels where all are alike, 0 where they cancel. Below the first number
# they cancel; they do no longer above the second.
_CANCELLED, _RESTORED = 0.1, 0.3
# Another channel is taken for the loudest only where it has this many times the energy.
_LOUDER = 4.0
_FADE_FRAMES = 256


class Mixer:
    """Mixes the channels of one stream, piece by piece."""

    def __init__(self) -> None:
        self._energies: npt.NDArray[np.float64] | None = None
        self._mixed = 0.0
        self._chosen: int | None = None
        self._started = False

    def mix(self, frames: npt.NDArray[np.float32]) -> Samples:
        """One channel of the next frames: float32 [frames, channels] to float32 [frames].

        Values that are not finite stay so; they are refused where the recording is built.
        """
        mean = mix_down(frames)
        channels = frames.shape[1]
        if channels == 1 or not len(frames):
            return mean
        if self._energies is None or self._energies.size != channels:
            self._energies, self._mixed, self._chosen = np.zeros(channels), 0.0, None
        each, mixed = _energies(frames), _energies(mean[:, None])[:, 0]
        out = mean
        for index in range(len(each)):
            before, start = self._chosen, index * _PIECE
            self._decide(each[index], float(mixed[index]))
            if self._chosen is None and before is None:
                self._started = True
                continue
            if out is mean:
                out = mean.copy()
            piece = slice(start, start + _PIECE)
            self._fill(out[piece], frames[piece], mean[piece], before)
        return out

    def _decide(self, each: npt.NDArray[np.float64], mixed: float) -> None:
        """Follow the energies of one more piece, and choose a channel or the mean."""
        if self._energies is None or not np.isfinite(each).all():
            return
        self._energies = _MEMORY * self._energies + each
        self._mixed = _MEMORY * self._mixed + mixed
        total = float(self._energies.sum())
        if total <= 0:
            return
        likeness = self._mixed * each.size**2 / total
        if self._chosen is None and likeness < _CANCELLED:
            self._chosen = int(np.argmax(self._energies))
        elif self._chosen is not None and likeness > _RESTORED:
            self._chosen = None
        elif self._chosen is not None:
            loudest = int(np.argmax(self._energies))
            if self._energies[loudest] > _LOUDER * self._energies[self._chosen]:
                self._chosen = loudest

    def _fill(
        self,
        out: Samples,
        frames: npt.NDArray[np.float32],
        mean: Samples,
        before: int | None,
    ) -> None:
        """Write one piece as chosen, faded over from what was chosen before."""
        now = mean if self._chosen is None else frames[:, self._chosen]
        if before != self._chosen and self._started:
            last = mean if before is None else frames[:, before]
            count = min(_FADE_FRAMES, len(frames))
            fade = np.linspace(0, 1, count, endpoint=False, dtype=np.float32)
            out[:count] = fade * now[:count] + (1 - fade) * last[:count]
            out[count:] = now[count:]
        else:
            out[:] = now
        self._started = True


def _energies(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The sum of squares of each channel: [frames, channels] to float64 [pieces, channels]."""
    whole = len(frames) // _PIECE * _PIECE
    pieces = frames[:whole].reshape(-1, _PIECE, frames.shape[1])
    with np.errstate(all="ignore"):
        sums: npt.NDArray[np.float32] = np.einsum("pfc,pfc->pc", pieces, pieces)
        if whole < len(frames):
            rest = np.einsum("fc,fc->c", frames[whole:], frames[whole:])
            sums = np.concatenate([sums, rest[None]])
    return sums.astype(np.float64)
