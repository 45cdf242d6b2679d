"""How a recording is to be read, as far as its sender can choose."""

from dataclasses import dataclass

from app.audio.raw import RawFormat


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What the sender of a recording can choose about reading it.

    Attributes:
        raw: what the bytes are, if they are headerless PCM; nothing is sniffed then.
        track: index of the audio track to read, or a language tag such as `nob`; None takes the
            track that FFmpeg calls the best.
        strict: refuse what would be read with a notice, such as a stream that was resynchronised.
    """

    raw: RawFormat | None = None
    track: str | None = None
    strict: bool = False


DEFAULT = DecodeOptions()
"""Content decides, the best track is read, and what a player plays is read to its end."""
