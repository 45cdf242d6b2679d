"""Columns of a beam search: which tokens they merge, and their normalisation in C and numpy."""

import numpy as np
import pytest

from app.decoding.columns import MIN_LOGP, Alphabet
from app.vocabulary import Vocabulary

# A blank in the middle, two spellings of white space, an empty token, and "a" twice.
TOKENS = ("a", "|", "[PAD]", "b", " ", "[UNK]", "", "a")
VOCABULARY = Vocabulary(TOKENS, blank=2, delimiter=1, special=frozenset({2, 5}))
ALPHABET = Alphabet.of(VOCABULARY)


def random_emissions(dtype: type, spread: float = 4.0) -> np.ndarray:
    return np.random.default_rng(1).normal(scale=spread, size=(50, len(TOKENS))).astype(dtype)


def test_tokens_of_one_meaning_share_a_column() -> None:
    assert ALPHABET.labels == ("", " ", "a", "b")
    assert ALPHABET.sources == ((2, 5, 6), (1, 4), (0, 7), (3,))
    assert ALPHABET.column_of.tolist() == [2, 1, 0, 3, 1, 0, 0, 2]


def test_vocabulary_without_a_delimiter_has_no_column_for_it() -> None:
    alphabet = Alphabet.of(Vocabulary(("b", "-"), 1, None, frozenset({1})))
    assert alphabet.labels == ("", "b")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_columns_are_the_normalised_sums_of_their_tokens(dtype: type) -> None:
    emissions = random_emissions(dtype)
    probabilities = np.exp(emissions.astype(np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = np.stack([probabilities[:, list(s)].sum(axis=1) for s in ALPHABET.sources], axis=1)
    columns = ALPHABET.columns(emissions)
    assert columns.dtype == np.float32
    np.testing.assert_allclose(np.exp(columns), expected, atol=1e-6)


@pytest.mark.parametrize("spread", [1.0, 20.0, 1000.0])
def test_numpy_fallback_gives_the_columns_of_the_c_library(
    spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    emissions = random_emissions(np.float32, spread)
    compiled = ALPHABET.columns(emissions)
    monkeypatch.setattr("app.decoding.columns.load_library", lambda: None)
    np.testing.assert_allclose(ALPHABET.columns(emissions), compiled, atol=1e-5)
    assert compiled.min() >= np.float32(MIN_LOGP)
    assert compiled.max() <= 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_frame_that_is_no_distribution_is_refused_by_its_index(dtype: type, value: float) -> None:
    emissions = random_emissions(dtype)
    emissions[7, 3] = value
    with pytest.raises(ValueError, match="in frame 7"):
        ALPHABET.columns(emissions)
    emissions[7] = -np.inf
    with pytest.raises(ValueError, match="in frame 7"):
        ALPHABET.columns(emissions)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_frames_have_no_columns(dtype: type) -> None:
    assert ALPHABET.columns(np.zeros((0, len(TOKENS)), dtype)).shape == (0, 4)
