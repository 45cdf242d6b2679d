"""Writes a copy of a recording in which what was masked is silent."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from app.audio import SAMPLE_RATE, Recording, Samples
from app.errors import InvalidRequestError

_MARGIN_SECONDS = 0.1
_BLOCK = 60 * SAMPLE_RATE
_FORMATS = {".flac": "FLAC", ".wav": "WAV"}


class Masked(Protocol):
    """Something that was masked; times in seconds."""

    @property
    def start(self) -> float:
        """When its first word begins."""

    @property
    def end(self) -> float:
        """When its last word ends."""


def write_silenced(recording: Recording, redactions: Iterable[Masked], path: Path) -> None:
    """Writes the recording with 16 bits a sample, 16 kHz mono: as it was transcribed.

    What was masked is silent, with a tenth of a second before and after it, since the times of
    words are no more exact than that.

    Args:
        recording: its times are those of the transcript.
        redactions: what was masked.
        path: of the copy, which ends in .flac or .wav; an existing file is replaced.

    Raises:
        InvalidRequestError: the path ends otherwise, or cannot be written.
    """
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InvalidRequestError(
            f"{path} ends in {path.suffix!r}; accepted: {', '.join(_FORMATS)}.", param="output"
        )
    spans = [_span(item, recording.samples) for item in redactions]
    partial = path.with_name(f".{path.name}.part")
    try:
        with soundfile.SoundFile(partial, "w", SAMPLE_RATE, 1, "PCM_16", format=kind) as file:
            for start in range(0, recording.samples, _BLOCK):
                block = recording.slice(start, min(start + _BLOCK, recording.samples))
                file.write(_silenced(block, start, spans))
        partial.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else error.error_string
        raise InvalidRequestError(f"{path} cannot be written: {reason}.", param="output") from None


def _span(redaction: Masked, samples: int) -> tuple[int, int]:
    start = int((redaction.start - _MARGIN_SECONDS) * SAMPLE_RATE)
    end = int((redaction.end + _MARGIN_SECONDS) * SAMPLE_RATE)
    return max(0, start), min(samples, end)


def _silenced(block: Samples, first: int, spans: Iterable[tuple[int, int]]) -> Samples:
    """Returns a block with silence in the spans; `first` is its first sample in the recording."""
    for start, end in spans:
        block[max(0, start - first) : max(0, end - first)] = 0
    return np.clip(block, -1.0, 1.0)
