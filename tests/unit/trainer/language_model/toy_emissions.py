"""Emissions of a toy acoustic model for some sentences."""

from collections.abc import Sequence

import numpy as np

from app.vocabulary import Vocabulary
from trainer.language_model.grid import EncodedUtterances


def toy_emissions_of(sentences: Sequence[str], *, swaps: float = 0.25) -> EncodedUtterances:
    """Emissions in which some letters are slightly less probable than the next letter."""
    tokens = ("|", *"abcdefghijklmnopqrstuvwxyzæøå", "[UNK]", "[PAD]")
    vocabulary = Vocabulary(tokens, blank=31, delimiter=0, special=frozenset((30, 31)))
    draw = np.random.default_rng(3)
    emissions = []
    for sentence in sentences:
        rows = np.full((2 * len(sentence) + 2, len(tokens)), 1e-4, np.float32)
        rows[::2, vocabulary.blank] = 1
        for index, letter in enumerate(sentence):
            token = tokens.index("|" if letter == " " else letter)
            rows[2 * index + 1, token] = 1
            if letter != " " and draw.random() < swaps:
                rows[2 * index + 1, token % 29 + 1] = 1.2
        emissions.append(np.log(rows / rows.sum(axis=1, keepdims=True)))
    return EncodedUtterances(
        vocabulary,
        0.02,
        tuple(emissions),
        tuple(sentences),
        tuple(0.02 * len(rows) for rows in emissions),
    )
