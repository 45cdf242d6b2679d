"""An alignment in, the transcript that the writers of formats take out."""

from app.decoding import segment_words
from app.transcript import AlignedTranscript, Transcript, Word


def as_transcript(aligned: AlignedTranscript) -> Transcript:
    """Return the words that were found, with their scores as confidences."""
    words = [
        Word(word.text, word.start, word.end, word.score)
        for word in aligned.words
        if word.found and word.start is not None and word.end is not None
    ]
    return Transcript(
        text=" ".join(word.text for word in words),
        segments=segment_words(words),
        language=aligned.language,
        model=aligned.model,
        duration=aligned.duration,
        timing=aligned.timing,
        decoder="alignment",
    )
