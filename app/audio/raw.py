"""Headerless PCM, which only its sender can describe."""

from dataclasses import dataclass

from app.audio.limits import check_signal
from app.errors import AudioError, InvalidRequestError

# Encoding to libsndfile's subtype, bytes per sample and byte order.
_ENCODINGS = {
    "s16le": ("PCM_16", 2, "LITTLE"),
    "s16be": ("PCM_16", 2, "BIG"),
    "f32le": ("FLOAT", 4, "LITTLE"),
    "mulaw": ("ULAW", 1, "LITTLE"),
    "alaw": ("ALAW", 1, "LITTLE"),
}


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What headerless PCM is.

    Attributes:
        rate: samples per second of one channel.
        encoding: s16le, s16be, f32le, mulaw or alaw.
        channels: how many, interleaved.

    Raises:
        InvalidRequestError: the encoding is none of these, or rate or channels are not accepted.
    """

    rate: int
    encoding: str = "s16le"
    channels: int = 1

    def __post_init__(self) -> None:
        if self.encoding not in _ENCODINGS:
            raise InvalidRequestError(
                f"{self.encoding!r} is not an encoding of raw PCM that is accepted: "
                f"use one of {', '.join(_ENCODINGS)}.",
                param="encoding",
            )
        try:
            check_signal(self.rate, self.channels)
        except AudioError as error:
            raise InvalidRequestError(error.message) from error

    @property
    def subtype(self) -> str:
        """The encoding as libsndfile calls it."""
        return _ENCODINGS[self.encoding][0]

    @property
    def endian(self) -> str:
        """The order of a sample's bytes as libsndfile calls it."""
        return _ENCODINGS[self.encoding][2]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return _ENCODINGS[self.encoding][1] * self.channels

    def check_size(self, size: int) -> None:
        """Refuse a stream that cannot be this format.

        Args:
            size: its bytes.

        Raises:
            AudioError: it is empty or not a whole number of frames.
        """
        if size == 0:
            raise AudioError("The audio is empty: it has no bytes at all.")
        if size % self.frame_bytes:
            raise AudioError(
                f"{size:,} bytes are not raw PCM as declared: {self.encoding} with "
                f"{self.channels} channel(s) takes {self.frame_bytes} bytes a frame. "
                "The audio is cut short, or it is something else."
            )
