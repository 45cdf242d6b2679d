"""A transcript in, SubRip subtitles out: one for each segment."""

from pysubs2 import SSAEvent, SSAFile

from app.transcript import Transcript


def to_srt(transcript: Transcript) -> str:
    """Write one subtitle for each segment, in its own time."""
    subtitles = SSAFile()
    for segment in transcript.segments:
        event = SSAEvent(round(segment.start * 1000), round(segment.end * 1000))
        event.plaintext = segment.text
        subtitles.append(event)
    return subtitles.to_string("srt")
