"""Writes SubRip subtitles."""

from collections.abc import Sequence

from .subtitles import Cue
from .vtt import clock


def to_srt(cues: Sequence[Cue]) -> str:
    """Writes the cues, numbered from 1; SubRip has no escapes."""
    return "".join(
        f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(cues, 1)
    )
