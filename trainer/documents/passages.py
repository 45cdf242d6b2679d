"""Reads transcripts in parts: the cues of SubRip and WebVTT, the segments of the service's JSON."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.formats import NoSubtitlesError, read_subtitles
from app.formats.subtitle_reading import ShownText
from trainer.documents.encodings import read_text
from trainer.documents.paragraphs import continues_sentence, ends_sentence, join_lines
from trainer.errors import DataError

# Before each of two replies in a cue; before a digit it is a minus sign.
_DASH = re.compile(r"^[-–—](?!\d)\s*")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a recording with its text.

    Attributes:
        text: on one line.
        start: where it begins, in seconds.
        end: where it ends, in seconds; None where that is not known.
        speaker: empty where none is named.
    """

    text: str
    start: float = 0.0
    end: float | None = None
    speaker: str = ""


def read_passages(file: Path) -> list[Passage]:
    """Returns the cues of subtitles (.srt, .vtt), or the segments of JSON (.json).

    JSON is the service's, or any object with `text` or with `segments` that have it, or a list of
    objects with `text`.

    Raises:
        DataError: the file cannot be read, or holds no passage.
    """
    if file.suffix.lower() == ".json":
        return _segments(file)
    return [
        Passage(
            " ".join(_without_dash(line) for line in cue.lines),
            cue.start / 1000,
            cue.end / 1000,
            cue.speaker,
        )
        for cue in _cues(file)
    ]


def subtitle_paragraphs(file: Path) -> list[str]:
    """Returns the text of subtitles; that of a sentence over several lines or cues is one.

    Raises:
        DataError: as `read_passages`.
    """
    paragraphs: list[str] = []
    for cue in _cues(file):
        for place, line in enumerate(cue.lines):
            spoken = _without_dash(line)
            if not spoken:
                continue
            before = paragraphs[-1] if paragraphs else ""
            is_reply = _DASH.match(line) is not None
            within = place > 0 and not ends_sentence(before)
            if before and not is_reply and (within or continues_sentence(before, spoken)):
                paragraphs[-1] = join_lines(before, spoken)
            else:
                paragraphs.append(spoken)
    return paragraphs


def _cues(file: Path) -> tuple[ShownText, ...]:
    try:
        return read_subtitles(read_text(file))
    except NoSubtitlesError as error:
        raise DataError(f"{file}: {error}") from error


def _without_dash(line: str) -> str:
    return " ".join(_DASH.sub("", line).split())


def _segments(file: Path) -> list[Passage]:
    try:
        found = json.loads(read_text(file))
    except ValueError as error:
        raise DataError(f"{file} is no JSON: {error}") from error
    items = found.get("segments") if isinstance(found, dict) else found
    passages = _with_text(items, file) or _with_text([found], file)
    if not passages:
        raise DataError(
            f"{file} holds no text; accepted is JSON as the service writes it: an object with "
            "`text`, or with `segments` that have it"
        )
    return passages


def _with_text(items: object, file: Path) -> list[Passage]:
    """Returns the objects of a list that have a text."""
    return [
        _passage(item, file)
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict) and isinstance(item.get("text"), str) and item["text"].strip()
    ]


def _passage(item: dict[str, Any], file: Path) -> Passage:
    try:
        start, end = (item.get(name) for name in ("start", "end"))
        return Passage(
            " ".join(item["text"].split()),
            0.0 if start is None else float(start),
            None if end is None else float(end),
            str(item.get("speaker") or ""),
        )
    except (ValueError, TypeError) as error:
        raise DataError(f"{file} has times that are no numbers: {error}") from error
