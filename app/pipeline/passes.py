"""Recordings that are gone through several times, as once for each channel: times and progress."""

from collections.abc import Sequence

from app.contract.answers import Timing
from app.pipeline.requests import Progress


def progress_of_pass(progress: Progress, number: int, passes: int) -> Progress:
    """Returns the callback for the progress of one pass, which reports that of all of them.

    Args:
        progress: of the recording.
        number: of the pass, from 0; those before it are done.
        passes: how many there are, of about the same length.
    """

    def encoded(done: int, windows: int) -> None:
        progress(number * windows + done, passes * windows)

    return encoded


def total_timing(timings: Sequence[Timing]) -> Timing:
    """Returns the sum of each stage; without the factor of real time, which no sum gives."""
    detection = [timing.detect_language for timing in timings if timing.detect_language is not None]
    return Timing(
        queue=sum(timing.queue for timing in timings),
        decode_audio=sum(timing.decode_audio for timing in timings),
        encode=sum(timing.encode for timing in timings),
        decode_text=sum(timing.decode_text for timing in timings),
        real_time_factor=0.0,
        detect_language=sum(detection) if detection else None,
    )
