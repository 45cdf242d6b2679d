"""Writes tab-separated values: a line for each utterance, as Whisper does."""

from .timeline import Timeline


def to_tsv(timeline: Timeline) -> str:
    """Writes a header line, then start and end in milliseconds and the text."""
    lines = ["start\tend\ttext"]
    lines += [f"{item.start}\t{item.end}\t{item.text}" for item in timeline.utterances]
    return "\n".join(lines) + "\n"
