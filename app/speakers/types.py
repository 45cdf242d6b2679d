"""The values of diarisation: what is requested, and who speaks when."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Activity = npt.NDArray[np.bool_]
"""Who speaks: [..., frames, speakers]."""
Embedding = npt.NDArray[np.float32]
"""The voices of one or more speakers, each of length 1: [..., values]."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownVoice:
    """The voice of a speaker whose name is known.

    Attributes:
        name: what the speaker is called.
        embedding: [values], of length 1.
    """

    name: str
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class DiarizationOptions:
    """How many speakers are looked for, and whose names are known.

    Attributes:
        min_speakers: at least 1.
        max_speakers: at least `min_speakers`; None leaves it to the voices.
        known: voices by which speakers get names; several may have the same one.
    """

    min_speakers: int = 1
    max_speakers: int | None = None
    known: tuple[KnownVoice, ...] = ()

    def within(self, found: int) -> int:
        """Returns the number of speakers nearest to `found` that is allowed."""
        limit = found if self.max_speakers is None else min(found, self.max_speakers)
        return max(limit, self.min_speakers)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says without a pause; turns of several speakers may overlap.

    Attributes:
        start: in seconds.
        end: in seconds.
        speaker: number of the speaker, from 0.
    """

    start: float
    end: float
    speaker: int
