"""The voices of a window: what each of its speakers says, as values that can be compared."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE
from app.speakers.features import FEATURE_HOP, filterbank
from app.speakers.types import Activity, Embedding
from app.speakers.windows import LOCAL_SPEAKERS, frame_of, speaking_alone

_HALF_FEATURE = 200
_MIN_FEATURES = 20
# More tells no more about a voice, and costs as much again.
_MAX_FEATURES = 400


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker of one window.

    Attributes:
        local: number of the speaker in the window, 0 to 2.
        seconds: how long the speaker speaks alone there.
        embedding: [values], of length 1.
    """

    local: int
    seconds: float
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class AnalysedWindow:
    """What is known of a window.

    Attributes:
        activity: [frames, 3].
        voices: of those who say enough to be recognised.
    """

    activity: Activity
    voices: tuple[Voice, ...]


def analyse_window(
    samples: npt.NDArray[np.float32],
    activity: Activity,
    embed: Callable[[npt.NDArray[np.float32]], Embedding],
) -> AnalysedWindow:
    """Returns the voices of a window.

    Args:
        samples: of the window, [samples].
        activity: who speaks, [frames, 3].
        embed: turns features [frames, bands] into an embedding.
    """
    if not activity.any():
        return AnalysedWindow(activity, ())
    features = filterbank(samples)
    frames = frame_of(np.arange(len(features)) * float(FEATURE_HOP) + _HALF_FEATURE)
    alone = speaking_alone(activity)[frames]
    speaking = activity[frames]
    voices = []
    for local in range(LOCAL_SPEAKERS):
        chosen = np.flatnonzero(alone[:, local])
        seconds = len(chosen) * FEATURE_HOP / SAMPLE_RATE
        if len(chosen) < _MIN_FEATURES:
            # Better than nothing: with another voice in it.
            chosen = np.flatnonzero(speaking[:, local])
        if len(chosen) >= _MIN_FEATURES:
            spare = max(len(chosen) - _MAX_FEATURES, 0) // 2
            chosen = chosen[spare : spare + _MAX_FEATURES]
            voices.append(Voice(local, seconds, embed(features[chosen])))
    return AnalysedWindow(activity, tuple(voices))
