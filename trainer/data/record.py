"""The value every source of speech yields: where the audio is, its text and its speaker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Waveform = NDArray[np.float32]
"""Mono samples at 16 kHz in -1..1, [samples]."""

LABELS = ("dialect", "channel")
"""What a manifest may note of an utterance, for error rates by part of a test set."""


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


def labels_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Returns the labels that a line of a manifest or a row of a table has."""
    found = {name: entry.get(name) for name in LABELS}
    return {name: str(value) for name, value in found.items() if value is not None and value != ""}
