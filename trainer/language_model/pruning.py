"""Takes out of a back-off model the n-grams that change it least, until it is small enough.

By relative entropy (Stolcke 1998, "Entropy-based pruning of backoff language models"): what taking
out an n-gram alone, and giving its mass back to the shorter one, would do to the whole model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.language_model.kneser_ney import BOS, EOS, NgramModel, Ngrams

_LEAST = 1e-9

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Level:
    """N-grams of one order above 1, and the places one order lower of what they consist of.

    `context` and `suffix` are the places of an n-gram without its last and its first word; `lower`
    is the probability of its last word after all but its first; probabilities are no logarithms.
    """

    context: Ints
    suffix: Ints
    probabilities: Floats
    lower: Floats


def prune_to(model: NgramModel, most: int) -> NgramModel:
    """Returns a model with about `most` n-grams of two words and more: those that matter most.

    An n-gram stays where a longer one needs it, so a few more than `most` may be kept.

    Args:
        model: of which each n-gram's context and suffix are n-grams too.
        most: how many to keep.
    """
    levels = [_level(model, order) for order in range(2, len(model.orders) + 1)]
    history = 10.0 ** model.orders[0].log_probs
    history[BOS] = history[EOS]
    losses: list[Floats] = []
    for level in levels:
        losses.append(_losses(level, history))
        history = history[level.context] * level.probabilities
    together = np.sort(np.concatenate(losses))[::-1] if losses else np.zeros(0)
    if len(together) <= most:
        return model
    threshold = together[most]
    kept = [loss > threshold for loss in losses]
    for at in range(len(levels) - 1, 0, -1):
        kept[at - 1][levels[at].context[kept[at]]] = True
        kept[at - 1][levels[at].suffix[kept[at]]] = True
    return _without(model, levels, kept)


def _level(model: NgramModel, order: int) -> _Level:
    own, shorter = model.orders[order - 1], model.orders[order - 2]
    base = len(model.vocabulary)
    keys = _keys(shorter.words, base)
    by_key = np.argsort(keys)
    context, suffix = (
        by_key[np.searchsorted(keys, _keys(part, base), sorter=by_key)]
        for part in (own.words[:, :-1], own.words[:, 1:])
    )
    return _Level(context, suffix, 10.0**own.log_probs, 10.0 ** shorter.log_probs[suffix])


def _keys(words: Ints, base: int) -> Ints:
    keys = np.zeros(len(words), dtype=np.int64)
    for column in words.T:
        keys = keys * base + column
    return keys


def _losses(level: _Level, history: Floats) -> Floats:
    """Returns the relative entropy that taking out each n-gram alone would cost."""
    contexts = len(history)
    left = 1 - np.bincount(level.context, level.probabilities, minlength=contexts)
    lower_left = 1 - np.bincount(level.context, level.lower, minlength=contexts)
    left, lower_left = np.maximum(left, _LEAST), np.maximum(lower_left, _LEAST)
    after = (left[level.context] + level.probabilities) / (lower_left[level.context] + level.lower)
    before = left[level.context] / lower_left[level.context]
    own = level.probabilities * (np.log(level.lower * after) - np.log(level.probabilities))
    others = left[level.context] * (np.log(after) - np.log(before))
    losses: Floats = -history[level.context] * (own + others)
    return losses


def _without(model: NgramModel, levels: list[_Level], kept: list[Bools]) -> NgramModel:
    orders: list[Ngrams] = []
    stays = np.ones(len(model.orders[0].words), dtype=bool)
    for at, ngrams in enumerate(model.orders):
        backoffs = np.zeros(len(ngrams.words))
        if at < len(levels):
            level, own = levels[at], kept[at]
            count = len(ngrams.words)
            given = np.bincount(level.context[own], level.probabilities[own], minlength=count)
            lower = np.bincount(level.context[own], level.lower[own], minlength=count)
            factors = np.maximum(1 - given, _LEAST) / np.maximum(1 - lower, _LEAST)
            extended = np.bincount(level.context[own], minlength=count) > 0
            backoffs = np.where(extended, np.log10(factors), 0.0)
        orders.append(Ngrams(ngrams.words[stays], ngrams.log_probs[stays], backoffs[stays]))
        stays = kept[at] if at < len(kept) else stays
    return NgramModel(model.vocabulary, tuple(orders))
