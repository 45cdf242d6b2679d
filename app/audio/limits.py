"""What audio is accepted at all: how long, at which rates, how many channels.

Settings and header fields flow in; a clear refusal flows out, or nothing.
"""

from dataclasses import dataclass

from app.errors import AudioError, TooLargeError

# Telephony starts at 8 kHz and recorders end at 384 kHz. Outside of that a header is damaged, or
# made to have a few bytes grow into hours of audio.
LOWEST_RATE = 1_000
HIGHEST_RATE = 384_000
# Seventh-order ambisonics, the largest layout in use.
MOST_CHANNELS = 64


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """How much audio one recording may hold.

    Attributes:
        max_seconds: the longest accepted duration once decoded, in seconds.
    """

    max_seconds: float

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


def check_signal(rate: int, channels: int) -> None:
    """Refuse a sample rate or channel count that no recorder produces.

    Args:
        rate: samples per second of one channel.
        channels: how many channels.

    Raises:
        AudioError: either is outside of what is accepted.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"A sample rate of {rate} Hz is not accepted: "
            f"it must be between {LOWEST_RATE:,} and {HIGHEST_RATE:,} Hz."
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioError(
            f"{channels} channels are not accepted: there must be between 1 and {MOST_CHANNELS}."
        )
