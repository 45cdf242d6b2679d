"""The estimator against lmplz's own numbers, and against invariants of any model."""

from pathlib import Path

import pytest

from trainer.errors import LanguageModelError
from trainer.language_model.arpa import read_arpa
from trainer.language_model.kneser_ney import (
    FALLBACK_DISCOUNTS,
    NgramModel,
    discounts_of,
    estimate,
    prune_thresholds,
)

Table = dict[tuple[str, ...], tuple[float, float]]

TOLERANCE = 2e-6
"""lmplz computes in 32 bits."""


def as_table(model: NgramModel) -> Table:
    return {
        tuple(model.vocabulary[index] for index in ids): (probability, backoff)
        for order in model.orders
        for ids, probability, backoff in zip(
            order.words.tolist(), order.log_probs.tolist(), order.backoffs.tolist(), strict=True
        )
    }


def read_table(path: Path) -> Table:
    return {tuple(text.split()): (p, backoff) for text, p, backoff in read_arpa(path)}


def assert_equal_tables(ours: Table, theirs: Table) -> None:
    assert ours.keys() == theirs.keys()
    wrong = {
        ngram: (ours[ngram], theirs[ngram])
        for ngram in theirs
        if ours[ngram] != pytest.approx(theirs[ngram], abs=TOLERANCE)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("name", "order", "prune"),
    [
        ("3gram", 3, ()),
        ("3gram-pruned", 3, (0, 0, 1)),
        ("5gram-pruned", 5, (0, 1, 1, 2)),
        ("2gram-unigrams-pruned", 2, (2,)),
    ],
)
def test_probabilities_and_backoffs_equal_those_of_lmplz(
    reference: Path, corpus: tuple[str, ...], name: str, order: int, prune: tuple[int, ...]
) -> None:
    model = estimate(corpus, order=order, prune=prune)
    assert_equal_tables(as_table(model), read_table(reference / f"{name}.arpa"))


def test_limited_vocabulary_equals_that_of_lmplz(reference: Path, corpus: tuple[str, ...]) -> None:
    keep = frozenset((reference / "vocabulary.txt").read_text("utf-8").split())
    ours = as_table(estimate(corpus, order=3, keep=keep))
    assert_equal_tables(ours, read_table(reference / "3gram-vocabulary.arpa"))
    assert {word for ngram in ours for word in ngram} == keep | {"<unk>", "<s>", "</s>"}


def test_too_little_text_uses_the_fixed_discounts(reference: Path, corpus: tuple[str, ...]) -> None:
    ours = as_table(estimate(corpus[:12], order=3))
    assert_equal_tables(ours, read_table(reference / "3gram-fallback.arpa"))


@pytest.mark.parametrize("prune", [(), (0, 1, 2), (1, 1, 1)])
def test_conditional_probabilities_sum_to_one(
    corpus: tuple[str, ...], prune: tuple[int, ...]
) -> None:
    table = as_table(estimate(corpus, order=3, prune=prune))
    words = [ngram[0] for ngram in table if len(ngram) == 1 and ngram != ("<s>",)]
    contexts = [("<s>",), ("vi",), ("vi", "ser"), ("<s>", "vi"), ("ser", "vi"), ("nytt", "ord")]
    for context in contexts:
        total = sum(10 ** log_probability(table, (*context, word)) for word in words)
        assert total == pytest.approx(1, abs=1e-9), context


def log_probability(table: Table, ngram: tuple[str, ...]) -> float:
    """Katz's recursion: the n-gram's own probability, or a shorter one's and a back-off."""
    if ngram in table:
        return table[ngram][0]
    backoff = table[ngram[:-1]][1] if ngram[:-1] in table else 0.0
    return backoff + log_probability(table, ngram[1:])


def test_orders_are_sorted_by_their_last_words(corpus: tuple[str, ...]) -> None:
    for order in estimate(corpus, order=3).orders:
        reversed_words = [ids[::-1] for ids in order.words.tolist()]
        assert reversed_words == sorted(reversed_words)


def test_discounts_follow_equation_26() -> None:
    # y = 100 / (100 + 2·50) = 0.5
    assert discounts_of([100, 50, 30, 20]) == pytest.approx((0.5, 1.1, 3 - 2 * 20 / 30))
    assert discounts_of([100, 0, 30, 20]) == FALLBACK_DISCOUNTS
    assert discounts_of([10, 10, 1, 100]) == FALLBACK_DISCOUNTS


def test_last_pruning_threshold_applies_to_higher_orders() -> None:
    assert prune_thresholds((), 3) == (0, 0, 0)
    assert prune_thresholds((0, 1), 4) == (0, 1, 1, 1)


@pytest.mark.parametrize(
    ("order", "prune", "message"),
    [
        (0, (), "order of 1 or more"),
        (2, (0, 0, 1), "3 thresholds for 2 orders"),
        (3, (0, 2, 1), "never fall"),
        (3, (-1,), "0 or more"),
    ],
)
def test_invalid_pruning_thresholds_are_refused(
    order: int, prune: tuple[int, ...], message: str
) -> None:
    with pytest.raises(LanguageModelError, match=message):
        estimate(["vi ser"], order=order, prune=prune)


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_empty_text_is_refused_for_an_estimate(lines: list[str]) -> None:
    with pytest.raises(LanguageModelError, match="no text"):
        estimate(lines, order=3)


def test_sentence_markers_in_the_text_are_refused() -> None:
    with pytest.raises(LanguageModelError, match="<unk>, <s>, </s>"):
        estimate(["vi ser", "vi </s> ser"], order=2)
