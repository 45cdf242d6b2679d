"""Writes tab-separated values: a line for each utterance, as Whisper does."""

from .timeline import Timeline


def to_tsv(timeline: Timeline) -> str:
    """Writes a header line, then start and end in milliseconds and the text.

    With speakers a fourth column has their labels, so that readers of three columns go on to work.
    """
    if not timeline.has_speakers:
        lines = ["start\tend\ttext"]
        lines += [f"{item.start}\t{item.end}\t{item.text}" for item in timeline.utterances]
    else:
        lines = ["start\tend\ttext\tspeaker"]
        lines += [
            f"{item.start}\t{item.end}\t{item.text}\t{item.speaker or ''}"
            for item in timeline.utterances
        ]
    return "\n".join(lines) + "\n"
