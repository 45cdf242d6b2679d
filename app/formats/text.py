"""Writes plain text: all of it in one line, or a paragraph in each."""

from ..contract.layout import Layout
from .paragraphs import Paragraph, divide
from .timeline import Timeline
from .vtt import clock


def to_text(timeline: Timeline, text: str, layout: Layout) -> str:
    """Writes the text in one line; with speakers a line for each turn, as `S1: ja det er jeg`.

    Args:
        timeline: of the recording.
        text: all of it, in one line; empty for none.
        layout: times stand before their paragraphs, as `[00:00:05] S1: ja`.
    """
    paragraphs = divide(timeline, layout, paragraphs=False)
    if len(paragraphs) <= 1 and not (paragraphs and (paragraphs[0].speaker or layout.times)):
        return f"{text}\n" if text else ""
    return "".join(f"{_line(paragraph)}\n" for paragraph in paragraphs)


def clock_seconds(milliseconds: int) -> str:
    """Writes `01:02:03`."""
    return clock(milliseconds).partition(".")[0]


def _line(paragraph: Paragraph) -> str:
    time = "" if paragraph.start is None else f"[{clock_seconds(paragraph.start)}] "
    speaker = "" if paragraph.speaker is None else f"{paragraph.speaker}: "
    return f"{time}{speaker}{paragraph.text}"
