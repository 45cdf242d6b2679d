"""Writes a TextGrid of Praat: tiers of utterances and of words, for each speaker where known."""

from pathlib import Path
from tempfile import TemporaryDirectory

from praatio.textgrid import IntervalTier, Textgrid

from .timeline import Timeline, tier_names


def to_textgrid(timeline: Timeline) -> str:
    """Writes the long form, with empty labels for the time between the others."""
    # Praat refuses a grid that lasts no time.
    end = max(timeline.duration, 1) / 1000
    grid = Textgrid(0.0, end)
    for (utterances, words), track in tier_names(timeline).items():
        for name, items in ((utterances, track.utterances), (words, track.words)):
            entries = [(item.start / 1000, item.end / 1000, item.text) for item in items]
            grid.addTier(IntervalTier(name, entries, 0.0, end))
    # praatio writes files only.
    with TemporaryDirectory() as folder:
        file = Path(folder) / "transcript.TextGrid"
        grid.save(str(file), format="long_textgrid", includeBlankSpaces=True)
        return file.read_text(encoding="utf-8")
