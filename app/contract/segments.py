"""Groups words into segments: what one speaker says between two pauses, up to a maximum length.

A segment is in one language.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from .answers import Segment, Speaker, Word

MAX_PAUSE = 0.6
MAX_SECONDS = 30.0
PARAGRAPH_PAUSE = 2.0
"""Silence in seconds above which a paragraph ends."""


def segment_words(
    words: Sequence[Word], *, max_pause: float = MAX_PAUSE, max_seconds: float = MAX_SECONDS
) -> tuple[Segment, ...]:
    """Returns the segments of words, in order; every word is in exactly one.

    Args:
        words: in order; those of one speaker do not overlap.
        max_pause: silence in seconds between two words above which a segment ends.
        max_seconds: length of a segment in seconds above which it is cut, at the longest pause
            in its second half. A single longer word stays whole.

    Raises:
        ValueError: a negative pause or a length of 0 or less.
    """
    if not max_pause >= 0 or not max_seconds > 0:
        raise ValueError(
            f"max_pause is {max_pause} and max_seconds {max_seconds}: "
            "must be 0 or more, and above 0"
        )
    groups: list[list[Word]] = []
    current: list[Word] = []
    for word in words:
        if current and (
            (word.speaker, word.language) != (current[-1].speaker, current[-1].language)
            or word.start - current[-1].end > max_pause
        ):
            groups.append(current)
            current = []
        current.append(word)
        while len(current) > 1 and word.end - current[0].start > max_seconds:
            cut = _best_cut(current, max_seconds)
            groups.append(current[:cut])
            current = current[cut:]
    if current:
        groups.append(current)
    return tuple(segment_of(index, group) for index, group in enumerate(groups))


def segment_of(index: int, words: Sequence[Word]) -> Segment:
    """Returns one segment of words; its confidence is the mean of theirs.

    Args:
        index: of the segment, from 0.
        words: one or more of one speaker and language, in order.
    """
    return Segment(
        id=index,
        start=words[0].start,
        end=words[-1].end,
        text=" ".join(word.word for word in words),
        confidence=sum(word.confidence for word in words) / len(words),
        speaker=words[0].speaker,
        language=words[0].language,
    )


def speakers_of(
    segments: Sequence[Segment], channels: Mapping[str, int] | None = None
) -> tuple[Speaker, ...]:
    """Returns who speaks, in the order of their first words.

    Args:
        segments: all segments, in order.
        channels: of each speaker, where each has one.
    """
    seconds: dict[str, float] = {}
    for segment in segments:
        if segment.speaker is not None:
            seconds[segment.speaker] = (
                seconds.get(segment.speaker, 0.0) + segment.end - segment.start
            )
    return tuple(
        Speaker(label, total, None if channels is None else channels[label])
        for label, total in seconds.items()
    )


def words_of_segments(
    segments: Sequence[Segment], words: Sequence[Word]
) -> tuple[tuple[Word, ...], ...]:
    """Returns the words of each segment, by the segments' texts.

    A segment whose text is not that of the next words takes those that begin before the next
    segment.

    Args:
        segments: in order.
        words: all words of all segments, in order; none where the answer lists none.
    """
    groups = []
    first = 0
    for segment, following in zip_longest(segments, segments[1:]):
        stop = _end_of_text(segment.text, words, first)
        if stop is None:
            stop = first
            while stop < len(words) and (following is None or words[stop].start < following.start):
                stop += 1
        groups.append(tuple(words[first:stop]))
        first = stop
    return tuple(groups)


def _end_of_text(text: str, words: Sequence[Word], first: int) -> int | None:
    """Returns one past the last of the words from `first` on that make up a text."""
    joined = ""
    for stop in range(first + 1, len(words) + 1):
        word = words[stop - 1].word
        joined = word if stop == first + 1 else f"{joined} {word}"
        if joined == text:
            return stop
        if not text.startswith(joined):
            return None
    return None


def _best_cut(words: Sequence[Word], max_seconds: float) -> int:
    """Returns the index of the word after the longest pause of the second half.

    The last of equal pauses wins; with no word starting in the second half the cut is before
    the last word.
    """
    half = words[0].start + max_seconds / 2
    late = [i for i in range(1, len(words)) if words[i].start >= half] or [len(words) - 1]
    return max(late, key=lambda i: (words[i].start - words[i - 1].end, i))
