"""Emissions as an encoder might give them for a text: letters in runs, blanks, doubts."""

import numpy as np

from app.vocabulary import Vocabulary

LETTERS = "abcdefghijklmnopqrstuvwxyzæøå"
VOCABULARY = Vocabulary(
    ("[PAD]", "|", *LETTERS, "[UNK]"), blank=0, delimiter=1, special=frozenset({0, 31})
)
FRAME = 0.02


def emit(text: str, *, seed: int = 0, doubt: float = 0.0) -> np.ndarray:
    """float32 [frames, vocabulary]; `doubt` is how much of each letter goes to other letters."""
    generator = np.random.default_rng(seed)
    rows: list[np.ndarray] = []

    def add(token: int, frames: int, share: float) -> None:
        for _ in range(frames):
            row = np.full(len(VOCABULARY), 1e-6)
            others = generator.choice(len(VOCABULARY) - 1, size=3, replace=False)
            row[others] += share * generator.dirichlet(np.ones(3))
            row[token] += 1 - share
            rows.append(row / row.sum())

    add(0, 5, 0.0)
    for character in text:
        token = 1 if character == " " else VOCABULARY.tokens.index(character)
        share = float(generator.uniform(0, doubt)) if doubt else 0.0
        add(token, int(generator.integers(1, 3)), share)
        add(0, int(generator.integers(1, 4)), 0.0)
    add(0, 5, 0.0)
    return np.log(np.array(rows)).astype(np.float32)
