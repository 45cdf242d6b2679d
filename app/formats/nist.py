"""Writes the formats of NIST's scoring tools: CTM, STM and RTTM; times in seconds.

CTM is a line for each word, STM a line for each utterance, and RTTM a line for each utterance
without its words. The formats are those of the NIST Rich Transcription 2009 evaluation plan,
appendix A, and of sclite's own documentation.
"""

from .timeline import Timeline

_CHANNEL = "1"


def to_ctm(timeline: Timeline, *, recording: str) -> str:
    """Writes `recording channel start seconds word confidence`, and `lex speaker` with speakers.

    Args:
        timeline: of the recording.
        recording: name of the recording; spaces become underscores, as do those in words.
    """
    name = _name(recording)
    lines = []
    for utterance in timeline.utterances:
        speaker = "" if utterance.speaker is None else f" lex {_one_word(utterance.speaker)}"
        lines += [
            f"{name} {_CHANNEL} {word.start / 1000:.3f} {(word.end - word.start) / 1000:.3f} "
            f"{_one_word(word.text)} {word.confidence:.4f}{speaker}\n"
            for word in utterance.words
        ]
    return "".join(lines)


def to_stm(timeline: Timeline, *, recording: str) -> str:
    """Writes `recording channel speaker start end text`; the speaker is `unknown` without speakers.

    Args:
        timeline: of the recording.
        recording: name of the recording; spaces become underscores.
    """
    name = _name(recording)
    return "".join(
        f"{name} {_CHANNEL} {_one_word(item.speaker or 'unknown')} {item.start / 1000:.3f} "
        f"{item.end / 1000:.3f} {item.text}\n"
        for item in timeline.utterances
    )


def to_rttm(timeline: Timeline, *, recording: str) -> str:
    """Writes `SPEAKER recording channel start seconds <NA> <NA> speaker <NA> <NA>`.

    Args:
        timeline: of the recording.
        recording: name of the recording; spaces become underscores.
    """
    name = _name(recording)
    return "".join(
        f"SPEAKER {name} {_CHANNEL} {item.start / 1000:.3f} {(item.end - item.start) / 1000:.3f} "
        f"<NA> <NA> {_one_word(item.speaker or 'unknown')} <NA> <NA>\n"
        for item in timeline.utterances
    )


def _name(recording: str) -> str:
    # A line that begins with two semicolons is a comment.
    return _one_word(recording).lstrip(";") or "_"


def _one_word(text: str) -> str:
    return "_".join(text.split()) or "_"
