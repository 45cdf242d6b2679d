"""What audio is accepted at all: how long, at which rates, how many channels, tracks and edits.

Settings and header fields flow in; a clear refusal flows out, or nothing.
"""

from dataclasses import dataclass

from app.errors import AudioError, TooLargeError

# Telephony starts at 8 kHz and recorders end at 384 kHz. Outside of that a header is damaged, or
# made to have a few bytes grow into hours of audio.
LOWEST_RATE = 1_000
HIGHEST_RATE = 384_000
# Seventh-order ambisonics, the largest layout in use.
MAX_CHANNELS = 64


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """How much one recording may hold.

    Attributes:
        max_seconds: the longest accepted duration once decoded, in seconds, silence included.
        max_channels: the most channels of the track that is read.
        max_tracks: the most tracks of a file, of all kinds together.
        max_edits: the most entries in an MP4's edit lists.
        max_gap_seconds: the longest stretch without sound, in seconds, that a file's clock may
            have between two packets, or before the first.
    """

    max_seconds: float
    max_channels: int = MAX_CHANNELS
    max_tracks: int = 64
    max_edits: int = 1_000
    max_gap_seconds: float = 3_600.0

    def check(self, seconds: float) -> None:
        """Refuse a duration over the limit.

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
        """Refuse a stretch without sound over the limit.

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


def check_signal(rate: int, channels: int, most_channels: int = MAX_CHANNELS) -> None:
    """Refuse a sample rate or channel count that no recorder produces.

    Args:
        rate: samples per second of one channel.
        channels: how many channels.
        most_channels: how many there may be.

    Raises:
        AudioError: either is outside of what is accepted.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"A sample rate of {rate} Hz is not accepted: "
            f"it must be between {LOWEST_RATE:,} and {HIGHEST_RATE:,} Hz."
        )
    if not 1 <= channels <= most_channels:
        raise AudioError(
            f"{channels} channels are not accepted: there must be between 1 and {most_channels}."
        )
