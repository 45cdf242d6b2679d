"""Writes WebVTT, on request with the time of each word.

The format is https://www.w3.org/TR/webvtt1/.
"""

import html
from collections.abc import Sequence

from .subtitles import Cue


def to_vtt(cues: Sequence[Cue], *, words: bool = False) -> str:
    """Writes the cues with `&`, `<` and `>` escaped, each in the voice of its speaker.

    Args:
        cues: in order.
        words: put each word in a `<c>` with the time it is spoken before it. A time must lie
            within the cue and after its start, so the first word mostly needs none.
    """
    blocks = [
        f"{clock(cue.start)} --> {clock(cue.end)}\n{_voice(cue)}"
        f"{_timed(cue) if words else _escape(cue.text)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def clock(milliseconds: int, point: str = ".") -> str:
    """Writes `01:02:03.004`."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"


def _voice(cue: Cue) -> str:
    # The span lasts until the end of the cue, where the format lets its end tag be left out.
    return "" if cue.speaker is None else f"<v {_escape(cue.speaker)}>"


def _timed(cue: Cue) -> str:
    return "\n".join(
        " ".join(
            (f"<{clock(word.start)}>" if cue.start < word.start < cue.end else "")
            + f"<c>{_escape(word.text)}</c>"
            for word in line
        )
        for line in cue.lines
    )


def _escape(text: str) -> str:
    return html.escape(text, quote=False)
