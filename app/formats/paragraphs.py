"""Divides a transcript into the paragraphs of a text for reading."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..contract.layout import Layout
from ..contract.segments import PARAGRAPH_PAUSE
from .timeline import TimedWord, Timeline, Utterance

_PAUSE_MILLISECONDS = round(PARAGRAPH_PAUSE * 1000)
# A page of speech without a long pause is still divided, at the next shorter one.
_MAX_WORDS = 120


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words of one paragraph; times in milliseconds.

    Attributes:
        words: one or more, in order.
        speaker: to be named before them; None for the same as before, or for none.
        start: of the first word, where times are shown; None otherwise.
        end: of the last word, where times are shown; None otherwise.
    """

    words: tuple[TimedWord, ...]
    speaker: str | None = None
    start: int | None = None
    end: int | None = None

    @property
    def text(self) -> str:
        """The words, with single spaces."""
        return " ".join(word.text for word in self.words)


def divide(
    timeline: Timeline, layout: Layout, *, times: bool = False, paragraphs: bool = True
) -> tuple[Paragraph, ...]:
    """Returns the paragraphs: turns of speakers, divided at long pauses.

    Args:
        timeline: of the recording.
        layout: as requested.
        times: whether the format gives times by default.
        paragraphs: whether the format divides turns by default.
    """
    named = layout.speakers is not False
    timed = times if layout.times is None else layout.times
    divided = paragraphs if layout.paragraphs is None else layout.paragraphs
    turns = timeline.turns if named else (timeline,)
    found = []
    for turn in turns:
        for index, part in enumerate(_parts(turn.utterances, divided=divided)):
            words = tuple(word for utterance in part for word in utterance.words)
            first = named and index == 0
            found.append(
                Paragraph(
                    words,
                    part[0].speaker if first else None,
                    part[0].start if timed else None,
                    max(utterance.end for utterance in part) if timed else None,
                )
            )
    return tuple(found)


def _parts(utterances: tuple[Utterance, ...], *, divided: bool) -> Iterator[list[Utterance]]:
    """Yields the utterances of each paragraph of a turn."""
    part: list[Utterance] = []
    for utterance in utterances:
        if divided and part:
            pause = utterance.start - max(other.end for other in part)
            length = sum(len(other.words) for other in part)
            if pause > _PAUSE_MILLISECONDS or length >= _MAX_WORDS:
                yield part
                part = []
        part.append(utterance)
    if part:
        yield part
