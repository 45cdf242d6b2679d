"""A recognised transcript of two speakers, to be corrected."""

from app.contract.answers import Timing, Transcript, Word, mean_confidence
from app.contract.segments import segment_words, speakers_of


def transcript(*words: Word, duration: float = 10.0) -> Transcript:
    segments = segment_words(words)
    return Transcript(
        text=" ".join(word.word for word in words), words=words, segments=segments,
        confidence=mean_confidence(words), language="nb", model="m", duration=duration,
        decoder="beam", lm=None, audio=None, warnings=(), timing=Timing(0, 0, 0, 0, 0),
        request_id="r", speakers=speakers_of(segments) or None,
    )  # fmt: skip


RECOGNISED = transcript(
    Word("det", 0.5, 0.7, 0.9, "S1"),
    Word("er", 0.8, 0.9, 0.8, "S1"),
    Word("molde", 1.0, 1.6, 0.3, "S1"),
    Word("ja", 3.0, 3.2, 0.9, "S2"),
)
