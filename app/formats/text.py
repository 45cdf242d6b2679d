"""Writes the text alone, or a paragraph for each turn of a speaker."""

from .timeline import Timeline


def to_text(timeline: Timeline, text: str) -> str:
    """Writes the text in one line; with speakers a line for each turn, as `S1: ja det er jeg`.

    Args:
        timeline: of the recording.
        text: all of it, in one line; empty for none.
    """
    if not timeline.has_speakers:
        return f"{text}\n" if text else ""
    lines = []
    for turn in timeline.turns:
        speaker = turn.utterances[0].speaker
        spoken = " ".join(utterance.text for utterance in turn.utterances)
        lines.append(spoken if speaker is None else f"{speaker}: {spoken}")
    return "\n".join(lines) + "\n"
