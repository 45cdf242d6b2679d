"""What a server answered in, the values that the formats are written from out."""

import math
from collections.abc import Iterable, Iterator, Sequence

from app.notices import Notice
from app.transcript import (
    AlignedPart,
    AlignedTranscript,
    AlignedWord,
    Alternative,
    Formatted,
    Segment,
    Timing,
    Transcript,
    Word,
)
from nordlyd_client.values import AlignedWord as AnsweredAlignedWord
from nordlyd_client.values import Alignment, Transcription
from nordlyd_client.values import Segment as AnsweredSegment
from nordlyd_client.values import Timing as AnsweredTiming
from nordlyd_client.values import Word as AnsweredWord


def as_transcript(answer: Transcription) -> Transcript:
    """Put an answer's words back into its segments."""
    formatted = None
    if answer.formatted_text is not None:
        formatted = Formatted(
            answer.formatted_text,
            _segments(answer.formatted_segments or (), answer.formatted_words or ()),
        )
    return Transcript(
        text=answer.text,
        segments=_segments(answer.segments, answer.words),
        language=answer.language,
        model=answer.model,
        duration=answer.duration,
        timing=_timing(answer.timing),
        decoder=answer.decoder,
        language_model=answer.lm,
        alternatives=tuple(
            Alternative(other.text, other.score, _words(other.words), other.formatted_text)
            for other in answer.alternatives
        ),
        formatted=formatted,
        notices=_notices(answer),
    )


def as_aligned(answer: Alignment) -> AlignedTranscript:
    """An alignment as the service itself holds it."""
    return AlignedTranscript(
        words=tuple(map(_aligned, answer.words)),
        language=answer.language,
        model=answer.model,
        duration=answer.duration,
        timing=_timing(answer.timing),
        notices=_notices(answer),
    )


def _notices(answer: Transcription | Alignment) -> tuple[Notice, ...]:
    return tuple(Notice(warning.code, warning.message) for warning in answer.warnings)


def _segments(
    segments: Sequence[AnsweredSegment], words: Sequence[AnsweredWord]
) -> tuple[Segment, ...]:
    """Segments follow one another, so each takes the words that begin before the next one."""
    if not segments:
        return ()
    ends = [*(segment.start for segment in segments[1:]), math.inf]
    left = list(words)
    joined = []
    for segment, end in zip(segments, ends, strict=True):
        inside = list(_until(left, segment, end))
        del left[: len(inside)]
        joined.append(
            Segment(segment.text, segment.start, segment.end, segment.confidence, _words(inside))
        )
    return tuple(joined)


def _until(
    words: Iterable[AnsweredWord], segment: AnsweredSegment, end: float
) -> Iterator[AnsweredWord]:
    """The first words that make up a segment's text; by time where that tells nothing."""
    text = ""
    for word in words:
        longer = f"{text} {word.word}".lstrip()
        if not segment.text.startswith(longer) and word.start >= end:
            return
        if text == segment.text:
            return
        text = longer
        yield word


def _words(words: Iterable[AnsweredWord]) -> tuple[Word, ...]:
    return tuple(Word(word.word, word.start, word.end, word.confidence) for word in words)


def _aligned(word: AnsweredAlignedWord) -> AlignedWord:
    parts = tuple(AlignedPart(part.text, part.start, part.end) for part in word.characters)
    return AlignedWord(word.word, word.start, word.end, word.score, word.found, parts)


def _timing(timing: AnsweredTiming) -> Timing:
    return Timing(
        queue=timing.queue,
        decode_audio=timing.decode_audio,
        encode=timing.encode,
        decode_text=timing.decode_text,
        real_time_factor=timing.real_time_factor,
    )
