"""Mixes n-gram models: linear interpolation, written as one back-off model.

The n-grams are those of all parts; each has the weighted sum of the probabilities that the parts
give it (Jelinek & Mercer 1980), and what a context leaves to shorter ones is normalised again, as
`ngram -mix-lm` of SRILM does (Stolcke 2002).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.language_model.kneser_ney import BOS, SPECIAL_WORDS, NgramModel, Ngrams

_LEAST_LEFT = 1e-6
_MOST_BY_HISTORY = 0.9
_LEAST_PROBABILITY = 1e-99

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """A model and its share of the mixture; a word that it lacks has no probability by it.

    With `by_history`, after a word that the model has words to follow, its share is the probability
    that the word came from it: after the first word of a name its second one is likely. At most one
    part may have it.
    """

    model: NgramModel
    weight: float
    by_history: bool = False


@dataclass(frozen=True, slots=True)
class _Level:
    """The n-grams of one order of the mixture, sorted by `keys`.

    `context` and `suffix` are the places of an n-gram without its last and without its first word
    one order lower; a key is that of its context times the number of words, plus its last word.
    """

    keys: Ints
    context: Ints
    word: Ints
    suffix: Ints


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Probabilities and back-off factors by one part for the n-grams of one order."""

    probabilities: Floats
    backoffs: Floats


def mix(parts: Sequence[Part]) -> NgramModel:
    """Returns the mixture of some models, whose weights add up to 1.

    Its order is the highest of the parts. A part's mass for unknown words stays with `<unk>`.
    """
    vocabulary = tuple(
        dict.fromkeys((*SPECIAL_WORDS, *(word for part in parts for word in part.model.vocabulary)))
    )
    ids = {word: index for index, word in enumerate(vocabulary)}
    renamed = [
        np.array([ids[word] for word in part.model.vocabulary], dtype=np.int64) for part in parts
    ]
    levels = [_words(len(vocabulary))]
    order = max(len(part.model.orders) for part in parts)
    for size in range(2, order + 1):
        found = [
            names[part.model.orders[size - 1].words]
            for part, names in zip(parts, renamed, strict=True)
            if len(part.model.orders) >= size
        ]
        levels.append(_level(levels, np.concatenate(found), len(vocabulary)))
    weighed = [
        _weigh(part.model, names, levels, len(vocabulary))
        for part, names in zip(parts, renamed, strict=True)
    ]
    return NgramModel(vocabulary, _join(levels, weighed, _shares(parts, renamed, weighed)))


def _shares(
    parts: Sequence[Part], renamed: Sequence[Ints], weighed: Sequence[Sequence[_Weighed]]
) -> list[Floats]:
    """Returns the share of each part after each word, [words]."""
    words = len(weighed[0][0].probabilities)
    shares = [np.full(words, part.weight) for part in parts]
    for at, part in enumerate(parts):
        if not part.by_history or len(part.model.orders) == 1:
            continue
        begins = np.unique(renamed[at][part.model.orders[1].words[:, 0]])
        given = [
            each.weight * by[0].probabilities[begins]
            for each, by in zip(parts, weighed, strict=True)
        ]
        share = np.clip(given[at] / np.sum(given, axis=0), part.weight, _MOST_BY_HISTORY)
        for other, _ in enumerate(parts):
            shares[other][begins] *= (1 - share) / (1 - part.weight)
        shares[at][begins] = share
    return shares


def _words(count: int) -> _Level:
    every = np.arange(count, dtype=np.int64)
    none = np.zeros(count, dtype=np.int64)
    return _Level(every, none, every, none)


def _level(levels: Sequence[_Level], words: Ints, vocabulary: int) -> _Level:
    """Returns the distinct n-grams whose context and suffix are there."""
    context = _places(levels, words[:, :-1], vocabulary)
    keys = np.unique(context[context >= 0] * vocabulary + words[context >= 0, -1])
    context, word = keys // vocabulary, keys % vocabulary
    lower = levels[-1]
    suffix = word
    if len(levels) > 1:
        suffix = _find(lower.keys, lower.suffix[context] * vocabulary + word)
    kept = suffix >= 0
    return _Level(keys[kept], context[kept], word[kept], suffix[kept])


def _places(levels: Sequence[_Level], words: Ints, vocabulary: int) -> Ints:
    """Returns the place of each n-gram in its level, or -1 where it is not there."""
    places = words[:, 0]
    for size in range(1, words.shape[1]):
        found = _find(levels[size].keys, places * vocabulary + words[:, size])
        places = np.where(places >= 0, found, -1)
    return places


def _find(keys: Ints, required: Ints) -> Ints:
    if not len(keys):
        return np.full(len(required), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, required), len(keys) - 1)
    return np.where(keys[places] == required, places, -1)


def _weigh(
    model: NgramModel, names: Ints, levels: Sequence[_Level], vocabulary: int
) -> list[_Weighed]:
    """Returns what one model gives to every n-gram of the mixture, by backing off where it must."""
    weighed: list[_Weighed] = []
    for size, level in enumerate(levels, start=1):
        backoffs = np.ones(len(level.keys))
        if size == 1:
            probabilities = np.zeros(len(level.keys))
        else:
            lower = weighed[-1]
            probabilities = lower.backoffs[level.context] * lower.probabilities[level.suffix]
        if size <= len(model.orders):
            own = model.orders[size - 1]
            places = _places(levels, names[own.words], vocabulary)
            there = places >= 0
            probabilities[places[there]] = 10.0 ** own.log_probs[there]
            backoffs[places[there]] = 10.0 ** own.backoffs[there]
        if size == 1:
            # The beginning of a sentence is given, never predicted.
            probabilities[BOS] = 0.0
        weighed.append(_Weighed(probabilities, backoffs))
    return weighed


def _join(
    levels: Sequence[_Level], weighed: Sequence[Sequence[_Weighed]], shares: Sequence[Floats]
) -> tuple[Ngrams, ...]:
    mixed: list[Floats] = []
    for at, level in enumerate(levels):
        # Of the last word of the context; a single word has none.
        last = levels[at - 1].word[level.context] if at else np.array([BOS])
        total = np.zeros(len(level.keys))
        for part, share in zip(weighed, shares, strict=True):
            total += share[last] * part[at].probabilities
        mixed.append(total)
    orders: list[Ngrams] = []
    words = np.arange(len(levels[0].keys), dtype=np.int64)[:, None]
    for at, level in enumerate(levels):
        if at:
            words = np.concatenate([words[level.context], level.word[:, None]], axis=1)
        probabilities = np.maximum(mixed[at], _LEAST_PROBABILITY)
        if not at:
            probabilities[BOS] = 1.0
        backoffs = np.zeros(len(level.keys))
        if at + 1 < len(levels):
            parts = [
                (part[at], share[level.word]) for part, share in zip(weighed, shares, strict=True)
            ]
            backoffs = np.log10(_backoffs(levels[at + 1], mixed[at], parts))
        orders.append(Ngrams(words, np.minimum(np.log10(probabilities), 0.0), backoffs))
    return tuple(orders)


def _backoffs(higher: _Level, lower: Floats, parts: Sequence[tuple[_Weighed, Floats]]) -> Floats:
    """Returns the factor of each context for the words that do not follow it in the mixture.

    What the parts give to all of those words together, by what the mixture's lower order gives
    them. That sum is taken from each part's own factor: one minus the probabilities of what does
    follow would be mostly rounding where the probabilities are quantised.
    """
    count = len(lower)
    given = np.zeros(count)
    for part, share in parts:
        followed = np.bincount(higher.context, part.probabilities[higher.suffix], minlength=count)
        given += share * part.backoffs * np.maximum(1.0 - followed, 0.0)
    followed = np.bincount(higher.context, lower[higher.suffix], minlength=count)
    factors = given / np.maximum(1.0 - followed, _LEAST_LEFT)
    extended = np.bincount(higher.context, minlength=count) > 0
    return np.where(extended, np.maximum(factors, _LEAST_LEFT), 1.0)
