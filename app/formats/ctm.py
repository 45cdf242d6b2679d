"""A transcript in, NIST CTM out: a line for each word with its time and confidence."""

from app.transcript import Transcript


def to_ctm(transcript: Transcript, *, recording: str, channel: str = "1") -> str:
    """Write `recording channel start seconds word confidence`, times in seconds.

    Args:
        transcript: what was said.
        recording: name of the recording; spaces become underscores, as do those in words.
        channel: of the recording.
    """
    name = _one_word(recording)
    return "".join(
        f"{name} {channel} {word.start:.3f} {word.end - word.start:.3f} "
        f"{_one_word(word.text)} {word.confidence:.4f}\n"
        for word in transcript.words
    )


def _one_word(text: str) -> str:
    return "_".join(text.split()) or "_"
