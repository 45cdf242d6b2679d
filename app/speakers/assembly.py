"""Joins the windows of a recording: whose voice each is, and who speaks when."""

from collections.abc import Sequence

import numpy as np

from app.speakers.clustering import assign_voices, find_speakers
from app.speakers.types import DiarizationOptions, Turn
from app.speakers.voices import AnalysedWindow
from app.speakers.windows import LOCAL_SPEAKERS, join_windows, turns_of


def assemble(
    windows: Sequence[AnalysedWindow], samples: int, options: DiarizationOptions
) -> tuple[Turn, ...]:
    """Returns the turns of a recording, in order of their starts.

    Args:
        windows: in order; at least one.
        samples: length of the recording.
        options: how many speakers there may be.
    """
    voices = [(index, voice) for index, window in enumerate(windows) for voice in window.voices]
    if not voices:
        return ()
    embeddings = np.array([voice.embedding for _, voice in voices], np.float64)
    seconds = np.array([voice.seconds for _, voice in voices])
    speakers = find_speakers(embeddings, seconds, options)
    labels = np.full((len(windows), LOCAL_SPEAKERS), -1)
    assigned = assign_voices(embeddings, np.array([index for index, _ in voices]), speakers)
    for (index, voice), speaker in zip(voices, assigned, strict=True):
        labels[index, voice.local] = speaker
    activity = np.stack([window.activity for window in windows])
    return turns_of(join_windows(activity, labels, samples, len(speakers)), samples)
