"""Cuts words into subtitles: the best of all possible cuts, by dynamic programming.

The requirements are `SubtitleRules`; docs/formats.md gives the source of each rule.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from .phrases import phrases
from .timeline import TimedWord, Timeline

Line: TypeAlias = tuple[TimedWord, ...]

# What a cue costs, in units of one cue more. Broken phrases weigh most, and nothing outweighs a
# cue that is too short to be seen.
_CUE = 1.0
_SEAM = 6.0
_LINE_BREAK = 2.0
_UNBALANCED = 1.0
_TOP_HEAVY = 0.1
_INNER_SENTENCE = 0.5
_INNER_PAUSE = 0.5
_LONGER_PAUSE = 1.0
_READING = 0.15
_MAX_READING = 3.0
_TOO_SHORT = 10_000.0
_PAUSE_RELIEF = 0.8
_DASH = "- "

LINES = 2
"""Lines of a cue at most."""


@dataclass(frozen=True, slots=True)
class SubtitleRules:
    """Limits; times in milliseconds, lengths in characters, reading speed in characters a second.

    A pause of `clear_pause` is a good place to cut, and none of `longest_pause` lies inside a cue.
    A cue stays up to `linger` beyond its words to be read, and until the next where that comes
    within `chain`. With `dashes`, short replies of two speakers share a cue, each after a dash.
    """

    line_length: int = 42
    shortest: int = 834
    longest: int = 7000
    gap: int = 84
    reading_speed: float = 17.0
    clear_pause: int = 600
    longest_pause: int = 1500
    linger: int = 500
    chain: int = 500
    dashes: bool = False


@dataclass(frozen=True, slots=True)
class Cue:
    """One or two lines of words, shown from `start` to `end` [ms].

    `speaker` is None where speakers are not told apart, and in a cue of two speakers.
    """

    start: int
    end: int
    lines: tuple[Line, ...]
    speaker: str | None = None

    @property
    def text(self) -> str:
        """The lines, joined by line breaks."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


def lay_out_subtitles(
    timeline: Timeline,
    language: str,
    rules: SubtitleRules | None = None,
    *,
    name_speakers: bool = False,
) -> tuple[Cue, ...]:
    """Cuts words into cues and lines.

    Every word is in one cue, whole, and every cue is of one speaker, or with dashes of two. Cues
    are in order and do not overlap where the speech does not, and none ends after the audio.
    Lines keep to `line_length` unless a single word is longer; no cue is longer than `longest`.
    One shorter than `shortest` remains only where the next words come too soon and do not fit in
    beside it.

    Args:
        timeline: of the recording.
        language: whose phrases are kept together.
        rules: the limits.
        name_speakers: write the speaker's label before the first word of each turn, as `S1: ja`;
            rules with dashes have these instead.
    """
    rules = rules or SubtitleRules()
    cues: list[Cue] = []
    turns = timeline.turns
    for i, turn in enumerate(turns):
        words = turn.words
        speaker = turn.utterances[0].speaker
        earliest = max((cue.end + rules.gap for cue in cues), default=0)
        latest = turns[i + 1].words[0].start - rules.gap if i + 1 < len(turns) else turn.duration
        if name_speakers and speaker is not None and not rules.dashes:
            words = (replace(words[0], text=f"{speaker}: {words[0].text}"), *words[1:])
        # Two may speak at once: their cues overlap then, as their words do.
        span = (min(earliest, words[0].start), max(latest, words[-1].end))
        layout = _Layout(words, span, language, rules)
        cues += [replace(cue, speaker=speaker) for cue in layout.show(layout.cut())]
    cues.sort(key=lambda cue: cue.start)
    return tuple(_join_replies(cues, rules) if rules.dashes else cues)


def _join_replies(cues: Iterable[Cue], rules: SubtitleRules) -> list[Cue]:
    """Returns cues in which a short line and the reply to it are one, each after a dash.

    Args:
        cues: in order.
        rules: the limits of the result.
    """
    joined: list[Cue] = []
    for cue in cues:
        if joined and _is_reply(joined[-1], cue, rules):
            first = joined[-1]
            lines = (_dashed(first.lines[0]), _dashed(cue.lines[0]))
            joined[-1] = Cue(first.start, cue.end, lines)
        else:
            joined.append(cue)
    return joined


def _is_reply(first: Cue, second: Cue, rules: SubtitleRules) -> bool:
    lines = (*first.lines, *second.lines)
    return (
        first.speaker is not None
        and second.speaker is not None
        and first.speaker != second.speaker
        and len(lines) == LINES
        and 0 <= second.start - first.end < rules.clear_pause
        and second.end - first.start <= rules.longest
        and all(len(_DASH) + _length(line) <= rules.line_length for line in lines)
    )


def _dashed(line: Line) -> Line:
    return (replace(line[0], text=f"{_DASH}{line[0].text}"), *line[1:])


def _length(line: Line) -> int:
    return sum(len(word.text) + 1 for word in line) - 1


class _Layout:
    """The words of one turn, and the cost of showing some of them together."""

    def __init__(
        self,
        words: Sequence[TimedWord],
        span: tuple[int, int],
        language: str,
        rules: SubtitleRules,
    ) -> None:
        self._words = words
        self._earliest, self._latest = span
        self._rules = rules
        known = phrases(language)
        texts = [known.cost(a.text, b.text) for a, b in pairwise(words)]
        pauses = [b.start - a.end for a, b in pairwise(words)]
        # Index i is between the words i - 1 and i.
        self._pauses = [0, *pauses]
        self._seams = [0.0, *(map(self._seam, texts, pauses)), 0.0]
        self._inner = [0.0, *(map(self._within, texts, pauses))]
        self._offsets = [0]
        for word in words:
            self._offsets.append(self._offsets[-1] + len(word.text) + 1)

    def _seam(self, text: float, pause: int) -> float:
        """Returns the cost of a cut at a gap between words."""
        return text * (1 - _PAUSE_RELIEF * min(1.0, pause / self._rules.clear_pause))

    def _within(self, text: float, pause: int) -> float:
        """Returns the cost of no cut at a gap between words."""
        rules = self._rules
        cost = 0.0 if text else _INNER_SENTENCE
        if pause > rules.clear_pause:
            beyond = (pause - rules.clear_pause) / (rules.longest_pause - rules.clear_pause)
            cost += _INNER_PAUSE + _LONGER_PAUSE * beyond
        return cost

    def cut(self) -> list[tuple[int, int]]:
        """Returns the cheapest cues: the first word of each, and the one after its last."""
        count = len(self._words)
        best = [0.0] + [math.inf] * count
        began = [0] * (count + 1)
        for end in range(1, count + 1):
            inner = 0.0
            for start in range(end - 1, -1, -1):
                if start < end - 1:
                    if not self._may_join(start, end):
                        break
                    inner += self._inner[start + 1]
                lines = self._break_cost(start, end)
                if lines is None:
                    break
                cost = best[start] + inner + lines + self._cue_cost(start, end)
                if cost < best[end]:
                    best[end], began[end] = cost, start
        cuts: list[tuple[int, int]] = []
        end = count
        while end:
            cuts.append((began[end], end))
            end = began[end]
        return cuts[::-1]

    def _may_join(self, start: int, end: int) -> bool:
        rules = self._rules
        lasts = self._words[end - 1].end - self._words[start].start
        return lasts <= rules.longest and self._pauses[start + 1] < rules.longest_pause

    def _cue_cost(self, start: int, end: int) -> float:
        """Returns the cost of a cue: of its time on screen and of the place where it ends."""
        rules = self._rules
        begins = self._words[start].start
        shown = min(self._limit(begins, end), begins + rules.longest) - begins
        speed = self._length(start, end) * 1000 / shown
        hurried = min(_MAX_READING, _READING * max(0.0, speed - rules.reading_speed))
        late = _TOO_SHORT if shown < rules.shortest else 0.0
        return _CUE + _SEAM * self._seams[end] + hurried + late

    def _limit(self, begins: int, end: int) -> int:
        """Returns the time by which a cue must end, if the next begins with its first word."""
        if end == len(self._words):
            return self._latest
        return self._before(begins, self._words[end].start)

    def _before(self, begins: int, following: int) -> int:
        return following - min(self._rules.gap, (following - begins) // 2)

    def _length(self, start: int, end: int) -> int:
        return self._offsets[end] - self._offsets[start] - 1

    def _fits(self, start: int, end: int) -> bool:
        return end - start == 1 or self._length(start, end) <= self._rules.line_length

    def _break_cost(self, start: int, end: int) -> float | None:
        """Returns the cost of the break between the lines; None if two lines are not enough."""
        if self._fits(start, end):
            return 0.0
        found = self._break(start, end)
        return None if found is None else found[0]

    def _break(self, start: int, end: int) -> tuple[float, int] | None:
        """Returns the cheapest break of a cue into two lines: its cost, and the word below it."""
        found: tuple[float, int] | None = None
        for below in range(end - 1, start, -1):
            if not self._fits(below, end):
                break
            if not self._fits(start, below):
                continue
            uneven = self._length(start, below) - self._length(below, end)
            cost = (
                _LINE_BREAK * self._seams[below]
                + _UNBALANCED * abs(uneven) / self._rules.line_length
                + (_TOP_HEAVY if uneven > 0 else 0.0)
            )
            if found is None or cost < found[0]:
                found = cost, below
        return found

    def show(self, cuts: Sequence[tuple[int, int]]) -> tuple[Cue, ...]:
        """Returns the cues with their lines and times."""
        starts = self._starts(cuts)
        cues: list[Cue] = []
        for i, (first, end) in enumerate(cuts):
            following = starts[i + 1] if i + 1 < len(cuts) else None
            shown_until = self._end(starts[i], following, first, end)
            cues.append(Cue(starts[i], shown_until, self._lines(first, end)))
        return tuple(cues)

    def _lines(self, start: int, end: int) -> tuple[Line, ...]:
        found = None if self._fits(start, end) else self._break(start, end)
        cuts = [start, end] if found is None else [start, found[1], end]
        return tuple(tuple(self._words[a:b]) for a, b in pairwise(cuts))

    def _starts(self, cuts: Sequence[tuple[int, int]]) -> list[int]:
        """Returns when cues begin: with their first word, or earlier to last long enough."""
        rules = self._rules
        starts = [self._words[first].start for first, _ in cuts]
        for i in range(len(cuts) - 1, -1, -1):
            last = i + 1 == len(cuts)
            limit = self._latest if last else self._before(starts[i], starts[i + 1])
            if limit - starts[i] >= rules.shortest:
                continue
            free = self._earliest
            if i:
                spoken = self._words[cuts[i][0] - 1].end
                free = max(spoken, starts[i - 1] + rules.shortest) + rules.gap
            starts[i] = min(starts[i], max(free, limit - rules.shortest))
        return starts

    def _end(self, start: int, following: int | None, first: int, end: int) -> int:
        rules = self._rules
        limit = self._latest if following is None else self._before(start, following)
        limit = min(limit, start + rules.longest)
        spoken = self._words[end - 1].end
        reading = start + math.ceil(self._length(first, end) * 1000 / rules.reading_speed)
        end_time = max(spoken, start + rules.shortest, min(reading, spoken + rules.linger))
        if following is not None and following - end_time < rules.chain:
            end_time = limit
        return min(end_time, limit)
