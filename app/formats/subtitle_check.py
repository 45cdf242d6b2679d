"""Checks the subtitles of a file against rules: SubRip or WebVTT, whoever wrote it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .subtitles import LINES, SubtitleRules

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&amp;": "&"}


class NoSubtitlesError(ValueError):
    """A text is neither SubRip nor WebVTT."""


@dataclass(frozen=True, slots=True)
class ShownText:
    """A cue of a file: its number from 1, its times in milliseconds, its lines without tags."""

    number: int
    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a cue breaks.

    Attributes:
        cue: number of the cue, from 1.
        start: of the cue, in milliseconds.
        rule: lines, line-length, reading-speed, too-short, too-long, gap or overlap.
        value: of the cue, in the unit of the rule: lines, characters, characters a second, or
            milliseconds.
        limit: that the rule sets.
    """

    cue: int
    start: int
    rule: str
    value: float
    limit: float


def read_subtitles(text: str) -> tuple[ShownText, ...]:
    """Returns the cues of a SubRip or WebVTT file, in the order of the file.

    Raises:
        NoSubtitlesError: there are none, and the text does not begin as WebVTT does.
    """
    cues: list[ShownText] = []
    for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.lstrip("\ufeff").replace("\r\n", "\n")):
        lines = block.strip("\n").split("\n")
        place = next((i for i, line in enumerate(lines[:2]) if _TIMES.fullmatch(line)), None)
        if place is None:
            continue
        found = _TIMES.fullmatch(lines[place])
        assert found is not None
        shown = tuple(plain for line in lines[place + 1 :] if (plain := _plain(line)))
        times = [int(part or 0) for part in found.groups()]
        start, end = _milliseconds(times[:4]), _milliseconds(times[4:])
        cues.append(ShownText(len(cues) + 1, start, end, shown))
    if not cues and not text.lstrip("\ufeff").startswith("WEBVTT"):
        raise NoSubtitlesError("there are no subtitles; accepted: SubRip (.srt) and WebVTT (.vtt)")
    return tuple(cues)


def check_subtitles(cues: Sequence[ShownText], rules: SubtitleRules) -> Iterator[Violation]:
    """Yields the rules that cues break, in the order of the cues.

    A line of one long word may be longer than the rules allow.
    """
    following: list[ShownText | None] = [*cues[1:], None]
    for cue, after in zip(cues, following, strict=False):
        for rule, value, limit in (*_of_cue(cue, rules), *_of_gap(cue, after, rules)):
            yield Violation(cue.number, cue.start, rule, value, limit)


def _of_cue(cue: ShownText, rules: SubtitleRules) -> Iterator[tuple[str, float, float]]:
    if len(cue.lines) > LINES:
        yield "lines", len(cue.lines), LINES
    longest = max((len(line) for line in cue.lines if " " in line), default=0)
    if longest > rules.line_length:
        yield "line-length", longest, rules.line_length
    lasts = cue.end - cue.start
    characters = sum(map(len, cue.lines)) + max(0, len(cue.lines) - 1)
    speed = round(characters * 1000 / max(lasts, 1), 1)
    if speed > rules.reading_speed:
        yield "reading-speed", speed, rules.reading_speed
    if lasts < rules.shortest:
        yield "too-short", lasts, rules.shortest
    if lasts > rules.longest:
        yield "too-long", lasts, rules.longest


def _of_gap(
    cue: ShownText, after: ShownText | None, rules: SubtitleRules
) -> Iterator[tuple[str, float, float]]:
    if after is None:
        return
    gap = after.start - cue.end
    if gap < 0:
        yield "overlap", -gap, 0
    elif gap < rules.gap:
        yield "gap", gap, rules.gap


def _plain(line: str) -> str:
    text = _TAG.sub("", line)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text.strip()


def _milliseconds(parts: Sequence[int]) -> int:
    hours, minutes, seconds, rest = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest
