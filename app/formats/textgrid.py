"""A transcript in, a TextGrid of Praat out: tiers of segments and of words."""

from pathlib import Path
from tempfile import TemporaryDirectory

from praatio.textgrid import IntervalTier, Textgrid

from app.formats.intervals import Interval, apart
from app.transcript import Transcript


def to_textgrid(transcript: Transcript) -> str:
    """Write the long form; what lasts no time at all is left out."""
    grid = Textgrid(0.0, transcript.duration)
    for name, intervals in (
        ("segments", [Interval(item.start, item.end, item.text) for item in transcript.segments]),
        ("words", [Interval(item.start, item.end, item.text) for item in transcript.words]),
    ):
        entries = [(item.start, item.end, item.text) for item in apart(intervals)]
        grid.addTier(IntervalTier(name, entries, 0.0, transcript.duration))
    # praatio writes files only.
    with TemporaryDirectory() as folder:
        file = Path(folder) / "transcript.TextGrid"
        grid.save(str(file), format="long_textgrid", includeBlankSpaces=True)
        return file.read_text(encoding="utf-8")
