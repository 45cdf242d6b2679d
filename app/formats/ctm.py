"""Writes NIST CTM: a line for each word with its time and confidence."""

from .timeline import Timeline


def to_ctm(timeline: Timeline, *, recording: str, channel: str = "1") -> str:
    """Writes `recording channel start seconds word confidence`, times in seconds.

    Args:
        timeline: of the recording.
        recording: name of the recording; spaces become underscores, as do those in words.
        channel: of the recording.
    """
    # A line that begins with two semicolons is a comment.
    name = _one_word(recording).lstrip(";") or "_"
    return "".join(
        f"{name} {channel} {word.start / 1000:.3f} {(word.end - word.start) / 1000:.3f} "
        f"{_one_word(word.text)} {word.confidence:.4f}\n"
        for word in timeline.words
    )


def _one_word(text: str) -> str:
    return "_".join(text.split()) or "_"
