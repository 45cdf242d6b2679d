"""Reads the part of a file between two times, at the file's own rate, by libsndfile."""

from typing import BinaryIO

import numpy as np
import soundfile

from app.audio.containers.extent import measure
from app.audio.containers.sniff import sniff
from app.audio.recording import Samples
from app.errors import AudioError

# MP3 headers are wrong about the length by a few frames, those of truncated files by far more.
_MIN_PRESENT = 0.9
SLACK_SECONDS = 0.1
"""How much later than its recording an annotation may end, since programs round times."""


def check_whole(stream: BinaryIO) -> None:
    """Refuses a file that was cut short, of which libsndfile reads what is left without a word.

    Args:
        stream: an audio file; left at its beginning. What is not recognised is not judged.

    Raises:
        AudioError: bytes that the header declares are missing.
    """
    try:
        sniffed = sniff(stream)
    except AudioError:
        stream.seek(0)
        return
    extent = measure(stream, sniffed.container, sniffed.size)
    if extent.missing and not sniffed.start:
        raise AudioError(
            f"is cut short: {extent.missing:,} of the {extent.declared:,} bytes that its header "
            "declares are missing"
        )


def read_excerpt(
    stream: BinaryIO, *, start: float = 0.0, end: float | None = None
) -> tuple[Samples, int]:
    """Decodes a part of a file to mono.

    Args:
        stream: an audio file in any format libsndfile reads.
        start: where to start, in seconds.
        end: where to stop, in seconds; None is the end of the file.

    Returns:
        float32 [samples] at the file's own rate, and that rate in Hz.

    Raises:
        AudioError: the file is not audio, truncated or empty, or a sample is not finite.
    """
    try:
        with soundfile.SoundFile(stream) as file:
            first = round(start * file.samplerate)
            last = file.frames if end is None else round(end * file.samplerate)
            if not 0 <= first < last <= file.frames + SLACK_SECONDS * file.samplerate:
                raise AudioError(
                    f"holds {file.frames / file.samplerate:.2f} s, "
                    f"nothing from {start:.2f} to {last / file.samplerate:.2f} s"
                )
            last = min(last, file.frames)
            if first:
                file.seek(first)
            samples: Samples = file.read(last - first, dtype="float32", always_2d=True)
            rate: int = file.samplerate
    except soundfile.LibsndfileError as error:
        raise AudioError(f"is no audio that can be read: {error.error_string}") from error
    if len(samples) < _MIN_PRESENT * (last - first):
        raise AudioError(f"breaks off after {len(samples)} of {last - first} samples")
    if not np.isfinite(samples).all():
        raise AudioError("holds samples that are no numbers")
    return samples.mean(axis=1), rate
