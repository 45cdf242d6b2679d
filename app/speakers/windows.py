"""The windows in which a recording is segmented, and how their answers become turns.

A window of ten seconds knows at most three speakers, whose numbers mean nothing in the next one.
Windows overlap by half, on one grid of frames.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE
from app.speakers.types import Activity, Turn

CLASSES = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
"""The sets of speakers that the network tells apart in a frame."""
LOCAL_SPEAKERS = 3
WINDOW = 10 * SAMPLE_RATE
"""Samples of a window."""
FRAME = 270
"""Samples from one frame to the next."""
FRAMES = 589
"""Frames of a window."""
_RECEPTIVE_FIELD = 991
_STEP_FRAMES = 296
STEP = _STEP_FRAMES * FRAME
"""Samples from the start of one window to that of the next."""

# Shorter pauses are within a turn, shorter turns are none.
_MIN_PAUSE = 0.2
_MIN_TURN = 0.1

_ACTIVE = np.array([[n in speakers for n in range(LOCAL_SPEAKERS)] for speakers in CLASSES])
# The middle of a window, where the network knows what comes before and after, counts most.
_WEIGHTS = np.minimum(np.arange(FRAMES) + 1.0, FRAMES - np.arange(FRAMES))


def window_starts(samples: int) -> range:
    """Returns the first sample of each window; the last window may end after the recording."""
    return range(0, max(samples - WINDOW + STEP, 1), STEP)


def active_speakers(classes: npt.NDArray[np.intp]) -> Activity:
    """Returns who speaks by the most likely class of each frame: [...] into [..., 3]."""
    active: Activity = _ACTIVE[classes]
    return active


def speaking_alone(activity: Activity) -> Activity:
    """Returns where each speaker speaks and no other does, of the same shape."""
    alone: Activity = activity & (activity.sum(-1, keepdims=True) == 1)
    return alone


def frame_of(sample: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.intp]:
    """Returns the frame of a window whose middle is nearest to each sample of the window."""
    middle = (sample - _RECEPTIVE_FIELD / 2) / FRAME
    frames: npt.NDArray[np.intp] = np.rint(middle).clip(0, FRAMES - 1).astype(np.intp)
    return frames


def join_windows(
    activity: Activity, labels: npt.NDArray[np.intp], samples: int, speakers: int
) -> Activity:
    """Returns who speaks in each frame of a recording.

    As many speak as the windows find on average, and those for whom they vote.

    Args:
        activity: [windows, FRAMES, 3].
        labels: of the three speakers of each window, from 0; below 0 for none: [windows, 3].
        samples: length of the recording.
        speakers: how many there are in it.

    Returns:
        [frames, speakers].
    """
    total = max(-(-samples // FRAME), 1)
    joined = np.zeros((total, speakers), np.bool_)
    for step in range(-(-total // _STEP_FRAMES)):
        votes = np.zeros((_STEP_FRAMES, speakers))
        weights = np.zeros((_STEP_FRAMES, 1))
        for window, first in ((step, 0), (step - 1, _STEP_FRAMES)):
            if 0 <= window < len(activity):
                part = activity[window, first : first + _STEP_FRAMES]
                weight = _WEIGHTS[first : first + _STEP_FRAMES, None]
                size = len(part)
                own = _of_speakers(part, labels[window], speakers)
                votes[:size] += weight * own
                weights[:size] += weight
        count = np.rint(votes.sum(1) / np.maximum(weights[:, 0], 1e-9))
        rank = np.argsort(np.argsort(-votes, axis=1, kind="stable"), axis=1)
        chosen = (rank < count[:, None]) & (votes > 0)
        start = step * _STEP_FRAMES
        joined[start : start + _STEP_FRAMES] = chosen[: total - start]
    return joined


def turns_of(activity: Activity, samples: int) -> tuple[Turn, ...]:
    """Returns the turns in order of their starts.

    Args:
        activity: [frames, speakers] of a recording.
        samples: its length.
    """
    duration = samples / SAMPLE_RATE
    turns: list[Turn] = []
    for speaker in range(activity.shape[1]):
        edges = np.flatnonzero(np.diff(activity[:, speaker], prepend=False, append=False))
        spans = [(_edge(a), min(_edge(b), duration)) for a, b in edges.reshape(-1, 2)]
        turns += [Turn(start, end, speaker) for start, end in _merged(spans)]
    return tuple(sorted(turns, key=lambda turn: (turn.start, turn.speaker)))


def _of_speakers(part: Activity, labels: npt.NDArray[np.intp], speakers: int) -> Activity:
    """Returns the activity of a window by the recording's speakers, [frames, speakers]."""
    own = np.zeros((len(part), speakers), np.bool_)
    for local, label in enumerate(labels):
        if label >= 0:
            own[:, label] |= part[:, local]
    return own


def _edge(frame: int) -> float:
    """Returns when a frame begins: half a frame before its middle."""
    if frame == 0:
        return 0.0
    return float(FRAME * frame + (_RECEPTIVE_FIELD - FRAME) / 2) / SAMPLE_RATE


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start - merged[-1][1] < _MIN_PAUSE:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [(start, end) for start, end in merged if end - start >= _MIN_TURN]
