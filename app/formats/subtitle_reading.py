"""Reads the subtitles of a file: SubRip or WebVTT, whoever wrote it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})(?:[.,](\d+))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
# Tags of HTML and WebVTT, times of words, and SubStation's styles. Other brackets are text.
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d+:[\d:.]+>|</?>|\{\\[^{}]*\}")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>")


class NoSubtitlesError(ValueError):
    """A text is neither SubRip nor WebVTT."""


@dataclass(frozen=True, slots=True)
class ShownText:
    """A cue of a file.

    Attributes:
        number: from 1.
        start: in milliseconds.
        end: in milliseconds.
        lines: that are not empty, without tags.
        speaker: of its first voice tag; empty where it has none.
    """

    number: int
    start: int
    end: int
    lines: tuple[str, ...]
    speaker: str = ""


def read_subtitles(text: str) -> tuple[ShownText, ...]:
    """Returns the cues of a SubRip or WebVTT file, in the order of the file.

    Blocks without times are headings, notes and styles.

    Raises:
        NoSubtitlesError: there are none, and the text does not begin as WebVTT does.
    """
    plain = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    cues: list[ShownText] = []
    for block in _BLANK_LINES.split(plain):
        lines = block.strip("\n").split("\n")
        for place, line in enumerate(lines):
            if found := _TIMES.fullmatch(line):
                shown = lines[place + 1 :]
                start, end = _milliseconds(found.groups()[:4]), _milliseconds(found.groups()[4:])
                texts = tuple(bare for each in shown if (bare := _bare(each)))
                cues.append(ShownText(len(cues) + 1, start, end, texts, _speaker(shown)))
                break
    if not cues and not plain.startswith("WEBVTT"):
        raise NoSubtitlesError("there are no subtitles; accepted: SubRip (.srt) and WebVTT (.vtt)")
    return tuple(cues)


def _bare(line: str) -> str:
    return unescape(_TAG.sub("", line)).replace("\xa0", " ").strip()


def _speaker(lines: Sequence[str]) -> str:
    voice = _VOICE.search("\n".join(lines))
    return unescape(voice[1]).strip() if voice else ""


def _milliseconds(parts: Sequence[str | None]) -> int:
    hours, minutes, seconds = (int(part or 0) for part in parts[:3])
    fraction = (parts[3] or "")[:3].ljust(3, "0")
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + int(fraction)
