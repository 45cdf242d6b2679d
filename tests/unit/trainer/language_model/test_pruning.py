"""Pruning by relative entropy: what is left is a model, of the n-grams that matter."""

import itertools
import math
import random

import pytest

from trainer.language_model.kneser_ney import BOS, NgramModel, estimate
from trainer.language_model.pruning import prune_to

WORDS = ("han", "hun", "ser", "har", "hus", "bil", "her")


@pytest.fixture(scope="module")
def model() -> NgramModel:
    choice = random.Random(1)
    lines = [" ".join(choice.choices(WORDS, weights=(8, 6, 5, 4, 3, 2, 1), k=4)) for _ in range(60)]
    lines += ["han ser hus her"] * 40
    return estimate(lines, order=3)


def _probability(model: NgramModel, words: tuple[int, ...]) -> float:
    """Returns log10 of the last word's probability after the others, backing off as ARPA says."""
    tables = [
        {tuple(row): at for at, row in enumerate(ngrams.words.tolist())} for ngrams in model.orders
    ]
    if words in (table := tables[len(words) - 1]):
        return float(model.orders[len(words) - 1].log_probs[table[words]])
    context = words[:-1]
    at = tables[len(context) - 1].get(context)
    backoff = 0.0 if at is None else float(model.orders[len(context) - 1].backoffs[at])
    return backoff + _probability(model, words[1:])


def test_probabilities_after_each_context_still_add_up_to_one(model: NgramModel) -> None:
    small = prune_to(model, 40)
    size = len(small.vocabulary)
    following = [word for word in range(size) if word != BOS]
    contexts: list[tuple[int, ...]] = [(word,) for word in range(size)]
    contexts += itertools.product(range(size), repeat=2)
    for context in contexts:
        total = sum(10 ** _probability(small, (*context, word)) for word in following)
        assert total == pytest.approx(1, abs=1e-6)


def test_kept_ngrams_have_their_contexts_and_suffixes(model: NgramModel) -> None:
    small = prune_to(model, 40)
    kept = [set(map(tuple, ngrams.words.tolist())) for ngrams in small.orders]
    assert len(kept[0]) == len(model.vocabulary)
    assert 40 <= len(kept[1]) + len(kept[2]) < 80
    for shorter, longer in itertools.pairwise(kept):
        assert {words[:-1] for words in longer} <= shorter
        assert {words[1:] for words in longer} <= shorter


def test_frequent_phrase_outlives_what_its_words_predict(model: NgramModel) -> None:
    small = prune_to(model, 20)
    ids = {word: at for at, word in enumerate(model.vocabulary)}
    kept = set(map(tuple, small.orders[2].words.tolist()))
    assert (ids["han"], ids["ser"], ids["hus"]) in kept
    cost = _cross_entropy(small, "han ser hus her") - _cross_entropy(model, "han ser hus her")
    assert cost < 0.2


def test_model_that_is_small_enough_is_left_as_it_is(model: NgramModel) -> None:
    assert prune_to(model, 10**6) is model


def _cross_entropy(model: NgramModel, text: str) -> float:
    """Bits a word."""
    ids = {word: at for at, word in enumerate(model.vocabulary)}
    words = [BOS, *(ids[word] for word in text.split())]
    logs = [
        _probability(model, tuple(words[max(0, at - 2) : at + 1])) for at in range(1, len(words))
    ]
    return -sum(logs) / len(logs) / math.log10(2)
