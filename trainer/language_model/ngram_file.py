"""Reads all n-grams of a `language_model/` folder: ARPA text, or a trie of KenLM's."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.decoding.native import ListedNgrams, load_library
from app.decoding.native import Ngrams as NgramFile
from app.errors import ConfigurationError
from app.kenlm_file import find_model, read_model, words_of
from trainer.errors import LanguageModelError
from trainer.language_model.arpa import read_arpa
from trainer.language_model.kneser_ney import SPECIAL_WORDS, NgramModel, Ngrams

_UNIGRAMS = "unigrams.txt"


def read_ngram_model(folder: Path) -> NgramModel:
    """Reads the n-grams of a language model.

    Args:
        folder: holds one KenLM file, and `unigrams.txt` where that file does not have the words.

    Raises:
        LanguageModelError: it cannot be read, or is a hash table, from which n-grams cannot be
            read back.
    """
    try:
        file = find_model(folder)
        return read_arpa_model(file) if file.suffix == ".arpa" else _of_trie(file)
    except (ConfigurationError, OSError, UnicodeDecodeError) as error:
        raise LanguageModelError(f"{folder} cannot be read: {error}") from error


def read_arpa_model(file: Path) -> NgramModel:
    """Reads the n-grams of an ARPA file.

    Raises:
        LanguageModelError: it is cut off, or holds no n-grams.
    """
    ids = {word: index for index, word in enumerate(SPECIAL_WORDS)}
    rows: list[tuple[list[tuple[int, ...]], list[float], list[float]]] = []
    for text, probability, backoff in read_arpa(file):
        words = text.split(" ")
        while len(rows) < len(words):
            rows.append(([], [], []))
        numbers, probabilities, backoffs = rows[len(words) - 1]
        numbers.append(tuple(ids.setdefault(word, len(ids)) for word in words))
        probabilities.append(probability)
        backoffs.append(backoff)
    orders = tuple(
        Ngrams(np.array(words, dtype=np.int64), np.array(probabilities), np.array(backoffs))
        for words, probabilities, backoffs in rows
    )
    if not orders:
        raise LanguageModelError(f"{file} holds no n-grams")
    return NgramModel(tuple(ids), orders)


def _of_trie(file: Path) -> NgramModel:
    library = load_library()
    if library is None:
        raise LanguageModelError(
            f"{file} is read by the native decoder, which was not compiled when this was installed"
        )
    data, _ = read_model(file)
    try:
        opened = NgramFile(library, data)
    except ValueError as error:
        raise LanguageModelError(f"{file} is no KenLM model: {error}") from error
    listed = [opened.listed(order) for order in range(1, opened.order + 1)]
    found = [part for part in listed if part is not None]
    if len(found) < len(listed):
        raise LanguageModelError(
            f"{file} is a hash table, which does not have the words of its n-grams; bring its ARPA "
            "file instead, or one that `build_binary trie` made"
        )
    unigrams = file.parent / _UNIGRAMS
    names = unigrams.read_text(encoding="utf-8").split() if unigrams.is_file() else words_of(data)
    words = tuple(dict.fromkeys((*SPECIAL_WORDS, *names)))
    numbers = opened.numbers(words)
    # What the file calls a word -> what we do; -1 for a word whose name is not known.
    own = np.full(len(found[0].words), -1, dtype=np.int64)
    own[numbers[::-1]] = np.arange(len(words) - 1, -1, -1)
    own[0] = SPECIAL_WORDS.index("<unk>")
    return NgramModel(words, tuple(_renumbered(part, own) for part in found))


def _renumbered(listed: ListedNgrams, own: NDArray[np.int64]) -> Ngrams:
    """Returns n-grams with our numbers, without those that have a word without a name."""
    words = own[listed.words]
    named = (words >= 0).all(axis=1)
    return Ngrams(
        words[named],
        listed.probabilities[named].astype(np.float64),
        listed.backoffs[named].astype(np.float64),
    )
