"""A file that libsndfile reads in, the part of it between two times out, at its own rate."""

from typing import BinaryIO

import numpy as np
import soundfile

from app.audio.recording import Samples
from app.errors import AudioError

# Headers of MP3 files tell their length a few frames off; a file that was cut off, far more.
_LEAST_PRESENT = 0.9
# Annotations may end a little after their recording, for the programs round times.
_SLACK_SECONDS = 0.1


def read_excerpt(
    stream: BinaryIO, *, start: float = 0.0, end: float | None = None
) -> tuple[Samples, int]:
    """Decode a part of a file to mono.

    Args:
        stream: an audio file in any format libsndfile reads.
        start: seconds to leave out in front.
        end: where to stop, in seconds; None is the end.

    Returns:
        float32 [samples] at the file's own rate, and that rate in Hz.

    Raises:
        AudioError: no audio, broken or cut off, empty, or with samples that are no numbers.
    """
    try:
        with soundfile.SoundFile(stream) as file:
            first = round(start * file.samplerate)
            last = file.frames if end is None else round(end * file.samplerate)
            if not 0 <= first < last <= file.frames + _SLACK_SECONDS * file.samplerate:
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
    if len(samples) < _LEAST_PRESENT * (last - first):
        raise AudioError(f"breaks off after {len(samples)} of {last - first} samples")
    if not np.isfinite(samples).all():
        raise AudioError("holds samples that are no numbers")
    return samples.mean(axis=1), rate
