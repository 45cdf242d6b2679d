"""Reads the transcript of one recording: text, subtitles, annotations or the service's JSON."""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.data.annotations import read_intervals
from trainer.errors import DataError
from trainer.text_files import read_text

TRANSCRIPTS = (".textgrid", ".eaf", ".json", ".vtt", ".srt", ".txt")
"""The endings that are read, the first before the others where a recording has several."""

_ANNOTATIONS = (".textgrid", ".eaf")
_ALL_SPEAKERS = "utterances"
_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]+)>")
_TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_DASH = re.compile(r"(?m)^\s*[-–—]\s*")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a recording with its text; times in seconds, `end` None at the recording's."""

    text: str
    start: float = 0.0
    end: float | None = None
    speaker: str = ""


def read_transcript(file: Path) -> tuple[list[Passage], Path | None]:
    """Returns the passages of a transcript, and the audio that it names, if it names any.

    Raises:
        DataError: the file cannot be read.
    """
    suffix = file.suffix.lower()
    if suffix in _ANNOTATIONS:
        intervals, audio = read_intervals(file)
        return [
            Passage(
                item.text, item.start, item.end, "" if item.tier == _ALL_SPEAKERS else item.tier
            )
            for item in intervals
        ], audio
    text = read_text(file)
    if suffix == ".json":
        return _from_json(text, file), None
    if suffix in (".srt", ".vtt"):
        return _from_subtitles(text), None
    return [Passage(" ".join(text.split()))], None


def _from_subtitles(text: str) -> list[Passage]:
    """Returns the cues of SRT or WebVTT; notes and styles have no times."""
    passages = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.split("\n")
        for number, line in enumerate(lines):
            match = _CUE.match(line)
            if match is None:
                continue
            spoken = "\n".join(lines[number + 1 :])
            voice = _VOICE.search(spoken)
            plain = _DASH.sub("", _TAG.sub("", spoken))
            passages.append(
                Passage(
                    " ".join(html.unescape(plain).split()),
                    _seconds(*match.groups()[:4]),
                    _seconds(*match.groups()[4:]),
                    voice[1].strip() if voice else "",
                )
            )
            break
    return passages


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    whole = 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
    return whole + float(f"0.{fraction}")


def _from_json(text: str, file: Path) -> list[Passage]:
    """Returns the segments of the service's JSON, or of any with `segments` of the same fields."""
    try:
        found: Any = json.loads(text)
        segments = found.get("segments") or []
        if segments:
            return [
                Passage(
                    str(item["text"]),
                    float(item["start"]),
                    float(item["end"]),
                    str(item.get("speaker") or ""),
                )
                for item in segments
            ]
        return [Passage(str(found["text"]))]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is no transcript in JSON: it has no text or segments") from error
