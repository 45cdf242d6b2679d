"""Emissions of an ideal, peaky model for a text: one frame for each character, blanks between."""

import numpy as np

from app.vocabulary import Vocabulary

FRAME = 0.02
LETTERS = "abcdefghijklmnopqrstuvwxyzæøå"
VOCABULARY = Vocabulary(("|", *LETTERS, "[UNK]", "[PAD]"), 31, 0, frozenset({30, 31}))
_INDEX = {token: index for index, token in enumerate(VOCABULARY.tokens)}
_SURE, _UNSURE = np.log(0.97), np.log(0.03 / 31)


def spoken(
    words: list[str], *, seed: int = 0, errors: float = 0.0, pause: int = 3, character: int = 3
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Returns emissions of the words and each word's first and one-past-last frame.

    Args:
        words: of plain letters.
        seed: of the errors.
        errors: share of characters that are decoded as another one.
        pause: blank frames before and after each delimiter.
        character: frames from one character to the next.
    """
    rng = np.random.default_rng(seed)
    path: list[int] = []
    spans = []
    for word in words:
        path += [VOCABULARY.blank] * pause + [0] + [VOCABULARY.blank] * pause
        first = len(path)
        for letter in word:
            path += [_INDEX[letter]] + [VOCABULARY.blank] * (character - 1)
        spans.append((first, len(path) - character + 1))
    path += [VOCABULARY.blank] * pause
    decoded = np.array(path)
    wrong = (decoded > 0) & (decoded < 30) & (rng.random(len(decoded)) < errors)
    decoded[wrong] = rng.integers(1, 30, int(wrong.sum()))
    emissions = np.full((len(path), len(VOCABULARY)), _UNSURE, dtype=np.float32)
    emissions[np.arange(len(path)), decoded] = _SURE
    return emissions, spans


def random_words(count: int, *, seed: int = 0) -> list[str]:
    """Words of 1 to 9 letters, the same for the same seed."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 10, count)
    return ["".join(rng.choice(list(LETTERS), size=length)) for length in lengths]
