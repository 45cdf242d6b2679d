"""Writes Markdown: a title and paragraphs, each with its speaker in bold.

The syntax is that of https://spec.commonmark.org.
"""

import re

from ..contract.layout import Layout
from .paragraphs import Paragraph, divide
from .text import clock_seconds
from .timeline import Timeline

# `~` and `$` have a meaning in common extensions.
_INLINE = re.compile(r"([\\`*_\[\]<>#~$]|&(?=#?\w+;))")
# A paragraph that begins so would be an item of a list.
_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_BULLET = re.compile(r"^(?=[+-])")


def to_markdown(timeline: Timeline, layout: Layout, *, title: str) -> str:
    """Writes a heading, and the paragraphs with an empty line before each.

    Args:
        timeline: of the recording.
        layout: times stand before their paragraphs, as `[00:00:05] **S1:** ja`.
        title: of the document.
    """
    blocks = [f"# {_escape(title)}"]
    blocks += [_paragraph(paragraph) for paragraph in divide(timeline, layout)]
    return "\n\n".join(blocks) + "\n"


def _paragraph(paragraph: Paragraph) -> str:
    time = "" if paragraph.start is None else f"[{clock_seconds(paragraph.start)}] "
    speaker = "" if paragraph.speaker is None else f"**{_escape(paragraph.speaker)}:** "
    text = _escape(paragraph.text)
    return f"{time}{speaker}{text}" if time or speaker else _escape_start(text)


def _escape(text: str) -> str:
    return _INLINE.sub(r"\\\1", text)


def _escape_start(text: str) -> str:
    return _BULLET.sub(r"\\", _NUMBER.sub(r"\1\\\2", text))
