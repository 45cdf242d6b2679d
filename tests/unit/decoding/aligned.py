"""Forced alignment by frames, for the tests of it."""

import numpy as np
from spoken import FRAME, VOCABULARY

from app.contract.answers import AlignedWord
from app.decoding.forced import align_text


def align(emissions: np.ndarray, text: str, language: str | None = "nb") -> tuple[AlignedWord, ...]:
    return align_text(
        emissions,
        text,
        VOCABULARY,
        frame_seconds=FRAME,
        duration=len(emissions) * FRAME,
        language=language,
    )


def frames(word: AlignedWord) -> tuple[int, int]:
    assert word.start is not None
    assert word.end is not None
    return round(word.start / FRAME), round(word.end / FRAME)
