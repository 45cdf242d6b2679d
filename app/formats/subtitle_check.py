"""Checks the subtitles of a file against rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .subtitle_reading import ShownText
from .subtitles import LINES, SubtitleRules


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
