"""Writes text with time stamps, as f4transkript writes and MAXQDA imports it."""

from ..contract.layout import Layout
from .paragraphs import divide
from .timeline import Timeline
from .vtt import clock


def to_f4(timeline: Timeline, layout: Layout) -> str:
    """Writes a line for each paragraph, as `S1: ja det er jeg #00:00:05-3#`.

    The stamp is that of the paragraph's end, to a tenth of a second.

    Args:
        timeline: of the recording.
        layout: without times there are no stamps.
    """
    lines = []
    for paragraph in divide(timeline, layout, times=True):
        speaker = "" if paragraph.speaker is None else f"{paragraph.speaker}: "
        stamp = "" if paragraph.end is None else f" #{clock(paragraph.end, '-')[:-2]}#"
        lines.append(f"{speaker}{paragraph.text}{stamp}\n")
    return "".join(lines)
