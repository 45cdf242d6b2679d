"""How a recording is read: what its sender can choose, and the limits that are enforced."""

from dataclasses import dataclass

from app.errors import AudioError, InvalidRequestError, TooLargeError

# Telephony starts at 8 kHz and recorders end at 384 kHz. A header with another rate is damaged, or
# made so that a few bytes decode to hours of audio.
MIN_RATE = 1_000
MAX_RATE = 384_000
# Seventh-order ambisonics, the largest layout in use.
MAX_CHANNELS = 64
# Encoding to libsndfile's subtype, bytes per sample and byte order.
_ENCODINGS = {
    "s16le": ("PCM_16", 2, "LITTLE"),
    "s16be": ("PCM_16", 2, "BIG"),
    "f32le": ("FLOAT", 4, "LITTLE"),
    "mulaw": ("ULAW", 1, "LITTLE"),
    "alaw": ("ALAW", 1, "LITTLE"),
}


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """How much audio one file may have.

    Attributes:
        max_seconds: the longest accepted duration once decoded, in seconds, including silence.
        max_channels: of the track that is read.
        max_tracks: of a file, of all kinds together.
        max_edits: entries in the edit lists of an MP4.
        max_gap_seconds: the longest gap in the timestamps of a file between two packets, or before
            the first, in seconds.
    """

    max_seconds: float
    max_channels: int = MAX_CHANNELS
    max_tracks: int = 64
    max_edits: int = 1_000
    max_gap_seconds: float = 3_600.0

    def check(self, seconds: float) -> None:
        """Raises where a duration is over the limit.

        Args:
            seconds: what a header declares, or what has been decoded so far.

        Raises:
            TooLargeError: it is over `max_seconds`.
        """
        if seconds > self.max_seconds:
            raise TooLargeError(
                f"The audio is longer than the {self.max_seconds:,.0f} s that are accepted. "
                "Split it into shorter recordings."
            )

    def check_gap(self, seconds: float, at: float) -> None:
        """Raises where a gap is over the limit.

        Args:
            seconds: its length.
            at: where it begins, in seconds from the beginning of the recording.

        Raises:
            AudioError: it is over `max_gap_seconds`.
            TooLargeError: with it, the recording is over `max_seconds`.
        """
        if seconds > self.max_gap_seconds:
            raise AudioError(
                f"The file's clock leaves {seconds:,.0f} s without sound from {at:,.2f} s on: "
                f"at most {self.max_gap_seconds:,.0f} s are accepted."
            )
        self.check(at + seconds)


@dataclass(frozen=True, slots=True)
class RawFormat:
    """The format of headerless PCM, which only its sender knows.

    Attributes:
        rate: samples per second of one channel.
        encoding: s16le, s16be, f32le, mulaw or alaw.
        channels: how many there are, interleaved.

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
        """The encoding, by libsndfile's name."""
        return _ENCODINGS[self.encoding][0]

    @property
    def endian(self) -> str:
        """The byte order of a sample, by libsndfile's name."""
        return _ENCODINGS[self.encoding][2]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: a sample of each channel."""
        return _ENCODINGS[self.encoding][1] * self.channels

    def check_size(self, size: int) -> None:
        """Raises where a stream cannot have this format.

        Args:
            size: of the stream, in bytes.

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


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How to read a recording, as far as its sender can choose.

    Attributes:
        raw: the format of headerless PCM; None finds out the format from the bytes.
        track: index of the audio track to read, or a language tag such as `nob`; None takes the
            track that FFmpeg considers the best.
        strict: refuse a recording that would be read with a warning.
        separate: take the channels of the recording apart, each as a recording of its own.
        channel: the only channel to read, from 0; None mixes all of them.
    """

    raw: RawFormat | None = None
    track: str | None = None
    strict: bool = False
    separate: bool = False
    channel: int | None = None


DEFAULT = DecodeOptions()
"""Sniff the format, read the best track, and accept damage with warnings."""


def check_signal(rate: int, channels: int, max_channels: int = MAX_CHANNELS) -> None:
    """Raises for a sample rate or channel count that no recorder produces.

    Args:
        rate: samples per second of one channel.
        channels: how many channels.
        max_channels: how many channels are accepted.

    Raises:
        AudioError: one of them is not accepted.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(
            f"A sample rate of {rate} Hz is not accepted: "
            f"it must be between {MIN_RATE:,} and {MAX_RATE:,} Hz."
        )
    if not 1 <= channels <= max_channels:
        raise AudioError(
            f"{channels} channels are not accepted: there must be between 1 and {max_channels}."
        )
