"""Reads the transcript of one recording: annotations, subtitles, the service's JSON or text."""

from pathlib import Path

from trainer.data.annotations import ALL_SPEAKERS, ANNOTATIONS, read_intervals
from trainer.documents import Passage, read_document, read_passages
from trainer.errors import DataError

TRANSCRIPTS = (*ANNOTATIONS, ".json", ".vtt", ".srt", ".txt", ".docx")
"""The endings that are read, the first before the others where a recording has several."""

UNTIMED = (".txt", ".docx")
"""Those of them that are the text of the whole recording."""


def read_transcript(file: Path) -> tuple[list[Passage], Path | None]:
    """Returns the passages of a transcript, and the audio that it names, if it names any.

    Raises:
        DataError: the file cannot be read, or has several passages and not all their times.
    """
    suffix = file.suffix.lower()
    if suffix in ANNOTATIONS:
        intervals, audio = read_intervals(file)
        return [
            Passage(item.text, item.start, item.end, "" if item.tier == ALL_SPEAKERS else item.tier)
            for item in intervals
        ], audio
    if suffix in UNTIMED:
        return [Passage(" ".join(read_document(file)))], None
    passages = read_passages(file)
    if len(passages) > 1 and any(passage.end is None for passage in passages):
        raise DataError(f"{file} is no transcript with times: accepted are segments with `end`")
    return passages, None
