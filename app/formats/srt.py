"""Cues in, SubRip subtitles out."""

from collections.abc import Sequence

from app.formats.subtitles import Cue
from app.formats.vtt import clock


def to_srt(cues: Sequence[Cue]) -> str:
    """Number the cues from 1; nothing is escaped, SubRip knows no way to."""
    return "".join(
        f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(cues, 1)
    )
