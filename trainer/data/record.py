"""The value every source of speech yields: where the audio is, its text and its speaker."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Waveform = NDArray[np.float32]
"""Mono samples at 16 kHz in -1..1, [samples]."""


class Audio(Protocol):
    """Audio that is decoded when it is read, and not kept."""

    def waveform(self) -> Waveform:
        """Decodes to mono at 16 kHz.

        Raises:
            DataError: the audio cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """One utterance.

    `text` is normalised, `split` is train, valid or test, `seconds` is known without decoding.
    `speaker` is empty where the source has none.
    """

    audio: Audio
    text: str
    language: str
    split: str
    speaker: str
    seconds: float
