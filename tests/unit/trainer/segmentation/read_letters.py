"""Emissions of a model that is sure of every letter it reads."""

import numpy as np

from app.vocabulary import Vocabulary

FRAME_SECONDS = 0.02
TOKENS = ("|", *"abcdefghijklmnopqrstuvwxyzæøå", "[UNK]", "[PAD]")
VOCABULARY = Vocabulary(TOKENS, blank=31, delimiter=0, special=frozenset({30, 31}))
LETTER_FRAMES = 4
_OTHERS = 1e-5  # probability of each token that is not read: 11.5 in natural-log


def emissions_of(read: str) -> np.ndarray:
    """Returns log-probabilities: of each letter, and of each space, one frame and three blanks."""
    rows = np.full((LETTER_FRAMES * len(read), len(TOKENS)), _OTHERS)
    rows[:, VOCABULARY.blank] = 1
    for place, letter in enumerate(read):
        frame = LETTER_FRAMES * place + 1
        rows[frame] = _OTHERS
        rows[frame, TOKENS.index("|" if letter == " " else letter)] = 1
    return np.log(rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
