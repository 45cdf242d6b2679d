"""Turns the speech of one speaker into an embedding that recordings can be compared by."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE
from app.speakers.features import FEATURE_HOP, filterbank
from app.speakers.types import Embedding, Turn

_MIN_FEATURES = 20
_PIECE_FEATURES = 400
"""As many as the networks get of a voice in a window."""
_MAX_FEATURES = 2000
"""More speech of one speaker changes its mean little."""
_MIN_SPAN_SECONDS = 0.5

Embed = Callable[[npt.NDArray[np.float32]], Embedding]
"""Turns features [frames, bands] into an embedding."""
Spans = list[tuple[float, float]]
"""Starts and ends in seconds."""


def embed_speech(pieces: Iterable[npt.NDArray[np.float32]], embed: Embed) -> Embedding | None:
    """Returns the mean voice of pieces of speech; None where they are shorter than 0.2 s.

    Args:
        pieces: float32 [samples] at 16 kHz, of one speaker; what is more than 20 s is not used.
        embed: the network.

    Returns:
        [values], of length 1.
    """
    total: npt.NDArray[np.float64] | None = None
    used = 0
    for samples in pieces:
        limit = (_MAX_FEATURES - used) * FEATURE_HOP
        features = filterbank(samples[: max(limit, 0)])
        parts = max(-(-len(features) // _PIECE_FEATURES), 1)
        for part in np.array_split(features, parts):
            if len(part) >= _MIN_FEATURES:
                weighted = len(part) * embed(part).astype(np.float64)
                total = weighted if total is None else total + weighted
        used += len(features)
        if used > _MAX_FEATURES - _MIN_FEATURES:
            break
    if total is None:
        return None
    voice: Embedding = (total / np.linalg.norm(total)).astype(np.float32)
    return voice


def spans_alone(turns: Sequence[Turn]) -> Mapping[int, Spans]:
    """Returns where each speaker speaks while no other does, the longest spans first."""
    edges = sorted(
        edge
        for turn in turns
        for edge in ((turn.start, 1, turn.speaker), (turn.end, -1, turn.speaker))
    )
    speaking: dict[int, int] = {}
    spans: dict[int, Spans] = {}
    before = 0.0
    for instant, change, speaker in edges:
        if len(speaking) == 1 and instant - before >= _MIN_SPAN_SECONDS:
            [alone] = speaking
            spans.setdefault(alone, []).append((before, instant))
        before = instant
        speaking[speaker] = speaking.get(speaker, 0) + change
        if not speaking[speaker]:
            del speaking[speaker]
    return {
        speaker: sorted(own, key=lambda span: span[0] - span[1]) for speaker, own in spans.items()
    }


def sample_range(span: tuple[float, float], samples: int) -> tuple[int, int]:
    """Returns the samples of a span that are of use, within a recording of so many."""
    start, end = (min(round(edge * SAMPLE_RATE), samples) for edge in span)
    return start, min(end, start + (_MAX_FEATURES + 2) * FEATURE_HOP)
