"""The interface of a decoder, from emissions to one hypothesis."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.contract.answers import Word

Emissions = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One transcription of the audio.

    Attributes:
        text: the words joined by single spaces.
        words: in order, without overlaps, within the audio.
        score: natural-log score, higher is better; comparable only between hypotheses of one audio
            and one decoder.
        decoder: greedy, beam or greedy+lm.
        language_model: name of the language model; None where none was used.
    """

    text: str
    words: tuple[Word, ...]
    score: float
    decoder: str = "greedy"
    language_model: str | None = None


class Decoder(Protocol):
    """Turns the emissions of one audio into words.

    A decoder is bound to its vocabulary, language model and options when it is created; `decode` is
    a pure function of its arguments and thread-safe. A request with options of its own gets a new,
    cheap decoder, which shares vocabulary and language model.
    """

    def decode(self, emissions: Emissions, *, frame_seconds: float, duration: float) -> Hypothesis:
        """Returns the best hypothesis.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; no word ends after it.

        Raises:
            ValueError: the emissions do not fit the vocabulary or are not numbers.
        """
        ...


def check_emissions(
    emissions: Emissions, vocabulary: int, *, frame_seconds: float, duration: float
) -> None:
    """Raises ValueError for arguments that no decoder accepts.

    Values are not checked: decoders detect non-finite ones as they compute.
    """
    if emissions.ndim != 2 or emissions.shape[1] != vocabulary:  # noqa: PLR2004
        raise ValueError(
            f"emissions have shape {list(emissions.shape)}, "
            f"must be [frames, {vocabulary}] for this vocabulary"
        )
    if not np.issubdtype(emissions.dtype, np.floating):
        raise ValueError(f"emissions are {emissions.dtype}, must be floating point")
    if not 0 < frame_seconds < float("inf"):
        raise ValueError(f"frame_seconds is {frame_seconds}, must be above 0")
    if not 0 <= duration < float("inf"):
        raise ValueError(f"duration is {duration}, must be 0 or more seconds")
