"""Splits words into segments at pauses, none longer than a maximum."""

from collections.abc import Sequence

from app.transcript import Segment, Word

MAX_PAUSE = 0.6
MAX_SECONDS = 30.0


def segment_words(
    words: Sequence[Word], *, max_pause: float = MAX_PAUSE, max_seconds: float = MAX_SECONDS
) -> tuple[Segment, ...]:
    """Splits words into segments, in order, every word in exactly one.

    Args:
        words: in order, not overlapping.
        max_pause: silence in seconds between two words above which a segment ends.
        max_seconds: length of a segment in seconds above which it is cut, at the longest pause
            in its second half. A single longer word stays whole.

    Returns:
        Segments whose confidence is the mean of their words'.

    Raises:
        ValueError: a negative pause or a length of 0 or less.
    """
    if not max_pause >= 0 or not max_seconds > 0:
        raise ValueError(
            f"max_pause is {max_pause} and max_seconds {max_seconds}: "
            "must be 0 or more, and above 0"
        )
    segments: list[Segment] = []
    current: list[Word] = []
    for word in words:
        if current and word.start - current[-1].end > max_pause:
            segments.append(_segment(current))
            current = []
        current.append(word)
        while len(current) > 1 and word.end - current[0].start > max_seconds:
            cut = _best_cut(current, max_seconds)
            segments.append(_segment(current[:cut]))
            current = current[cut:]
    if current:
        segments.append(_segment(current))
    return tuple(segments)


def _best_cut(words: list[Word], max_seconds: float) -> int:
    """Index of the word before which the longest pause of the second half lies.

    The last of equal pauses wins; with no word starting in the second half the cut is before
    the last word.
    """
    half = words[0].start + max_seconds / 2
    late = [i for i in range(1, len(words)) if words[i].start >= half] or [len(words) - 1]
    return max(late, key=lambda i: (words[i].start - words[i - 1].end, i))


def _segment(words: list[Word]) -> Segment:
    return Segment(
        text=" ".join(word.text for word in words),
        start=words[0].start,
        end=words[-1].end,
        confidence=sum(word.confidence for word in words) / len(words),
        words=tuple(words),
    )
