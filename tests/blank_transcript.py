"""A transcript without words, to which tests add what they are about."""

from typing import Any

from app.contract.answers import Timing, Transcript


def blank_transcript(duration: float, **values: Any) -> Transcript:
    """The transcript of a silent recording in Bokmål; `values` are fields that differ."""
    fields: dict[str, Any] = {
        "text": "", "words": (), "segments": (), "confidence": None, "language": "nb", "model": "m",
        "duration": duration, "decoder": "greedy", "lm": None, "audio": None, "warnings": (),
        "timing": Timing(0, 0, 0, 0, 0), "request_id": "id",
    }  # fmt: skip
    return Transcript(**(fields | values))
