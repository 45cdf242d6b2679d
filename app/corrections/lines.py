"""Cuts a corrected transcript into lines to train on, each with how sure the model was of it."""

from collections.abc import Sequence

from app.contract.answers import Segment, Transcript, Word, mean_confidence
from app.contract.segments import segment_words
from app.corrections.data_folder import TrainingLine
from app.corrections.matching import normal_form

MARGIN_SECONDS = 0.2
"""Audio before the first and after the last word of a line, where nothing else is said."""
_UNKNOWN = 0.0


def training_lines(corrected: Transcript, original: Transcript | None = None) -> list[TrainingLine]:
    """Returns the lines of a transcript in order, each at most 30 seconds between two pauses.

    Args:
        corrected: what was said.
        original: as it was recognised, whose confidence each line has, and against which it is
            changed; None where nothing was corrected.
    """
    words = corrected.written_words
    segments = segment_words(words)
    before = corrected.words if original is None else original.written_words
    lines = []
    for segment, (start, end) in zip(segments, _bounds(segments, corrected.duration), strict=True):
        recognised = [word for word in before if start <= (word.start + word.end) / 2 < end]
        confidence = mean_confidence(recognised)
        text = segment.text
        lines.append(
            TrainingLine(
                start=start,
                end=end,
                text=text,
                language=segment.language or corrected.language,
                speaker=segment.speaker or "",
                confidence=_UNKNOWN if confidence is None else confidence,
                changed=original is not None and _forms(text.split()) != _spoken(recognised),
            )
        )
    return lines


def _bounds(segments: Sequence[Segment], duration: float) -> list[tuple[float, float]]:
    """Returns start and end of each line: its words' with a margin, up to its neighbours' words."""
    bounds = []
    for index, segment in enumerate(segments):
        before = segments[index - 1].end if index else 0.0
        after = segments[index + 1].start if index + 1 < len(segments) else duration
        # Two may speak at once.
        start = max(
            segment.start - MARGIN_SECONDS, min((before + segment.start) / 2, segment.start)
        )
        end = min(segment.end + MARGIN_SECONDS, max((segment.end + after) / 2, segment.end))
        bounds.append((max(0.0, start), min(end, duration)))
    return bounds


def _spoken(words: Sequence[Word]) -> list[str]:
    return _forms([text for word in words for text in word.word.split()])


def _forms(texts: Sequence[str]) -> list[str]:
    return [normal_form(text) for text in texts]
