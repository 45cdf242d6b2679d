"""Turns an alignment into the transcript that the writers take."""

from ..contract.answers import Alignment, Transcript, Word, mean_confidence
from ..contract.segments import segment_words


def as_transcript(aligned: Alignment) -> Transcript:
    """Returns the words that were found, with their scores as confidences."""
    words = [
        Word(word.word, word.start, word.end, word.score)
        for word in aligned.words
        if word.found and word.start is not None and word.end is not None
    ]
    return Transcript(
        text=" ".join(word.word for word in words),
        words=tuple(words),
        segments=segment_words(words),
        confidence=mean_confidence(words),
        language=aligned.language,
        model=aligned.model,
        duration=aligned.duration,
        decoder="alignment",
        lm=None,
        audio=aligned.audio,
        warnings=aligned.warnings,
        timing=aligned.timing,
        request_id=aligned.request_id,
    )
