"""Estimates n-gram models with modified Kneser-Ney smoothing, in numpy alone.

After Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling"
(TR-10-98, equations 25 and 26, interpolated), with the conventions and the pruning of Heafield
et al. 2013, "Scalable Modified Kneser-Ney Language Model Estimation": the numbers are those of
KenLM's `lmplz`, which suits a corpus that does not fit in memory.
"""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trainer.errors import LanguageModelError

UNK, BOS, EOS = 0, 1, 2
SPECIAL_WORDS = ("<unk>", "<s>", "</s>")
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""For counts 1, 2 and 3 or more where the closed form fails: `lmplz --discount_fallback`."""

_MAX_CLASS = 3

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ngrams:
    """All n-grams of one order.

    `words` is int64 [n-grams, order] of word ids, sorted by the last word, then the one before
    it and so on; `log_probs` and `backoffs` are log10, [n-grams]. The highest order has
    backoffs of 0.
    """

    words: Ints
    log_probs: Floats
    backoffs: Floats


@dataclass(frozen=True, slots=True)
class NgramModel:
    """A back-off model: `vocabulary` by word id, `orders[k]` the n-grams of k + 1 words."""

    vocabulary: tuple[str, ...]
    orders: tuple[Ngrams, ...]


@dataclass(frozen=True, slots=True)
class _Counted:
    """The distinct n-grams of one order before smoothing.

    `suffix` and `context` are the places of an n-gram without its first and without its last
    word among those one order lower.
    """

    words: Ints
    occurrences: Ints
    suffix: Ints
    context: Ints


@dataclass(frozen=True, slots=True)
class _Smoothed:
    """Kept n-grams of one order, and what each context leaves to the lower order."""

    kept: NDArray[np.bool_]
    own: Floats
    left: Floats


def estimate(
    lines: Iterable[str],
    *,
    order: int,
    prune: Sequence[int] = (),
    keep: Collection[str] | None = None,
) -> NgramModel:
    """Estimates an interpolated modified Kneser-Ney model.

    Args:
        lines: sentences, words separated by white space; empty ones are passed over.
        order: words in the longest n-gram, 1 or more.
        prune: n-grams that occur so often or less are left out, one threshold an order, the
            last one for all higher orders; what they had goes to the lower order. Counts are
            plain occurrences, and `<unk>`, `<s>` and `</s>` always stay.
        keep: words that may be in an n-gram; None for all.

    Raises:
        LanguageModelError: no sentence, a sentence with `<s>` in it, or thresholds that fall.
    """
    thresholds = prune_thresholds(prune, order)
    vocabulary, tokens = _index(lines)
    counted = _count(tokens, order, len(vocabulary))
    excluded = np.zeros(len(vocabulary), dtype=bool)
    if keep is not None:
        excluded[:] = [word not in keep for word in vocabulary]
        excluded[[UNK, BOS, EOS]] = False
    adjusted = _adjust(counted)
    smoothed = []
    for level, (grams, counts) in enumerate(zip(counted, adjusted, strict=True)):
        pruned = (grams.occurrences <= thresholds[level]) | excluded[grams.words].any(axis=1)
        if level == 0:
            pruned[[UNK, BOS, EOS]] = False
        discounts = discounts_of(_class_sizes(counted, adjusted, level))
        contexts = len(counted[level - 1].words) if level else 1
        smoothed.append(_smooth(grams, counts, pruned, discounts, contexts))
    return NgramModel(vocabulary, _interpolate(counted, smoothed))


def prune_thresholds(prune: Sequence[int], order: int) -> tuple[int, ...]:
    """Returns one threshold for each order, the last one given repeated.

    Raises:
        LanguageModelError: no order, too many thresholds, a negative one, or they fall: a kept
            n-gram needs its parts.
    """
    given = tuple(prune) or (0,)
    if order < 1:
        raise LanguageModelError(f"an n-gram model has an order of 1 or more, not {order}")
    if len(given) > order:
        raise LanguageModelError(f"prune has {len(given)} thresholds for {order} orders")
    if given[0] < 0 or any(low > high for low, high in pairwise(given)):
        raise LanguageModelError(f"prune must be 0 or more and never fall, not {list(given)}")
    return given + (given[-1],) * (order - len(given))


def discounts_of(class_sizes: Sequence[int]) -> tuple[float, float, float]:
    """Returns what is taken from counts of 1, 2, and 3 or more.

    Chen & Goodman's equation 26 from the numbers of n-grams with count 1, 2, 3 and 4, or
    `FALLBACK_DISCOUNTS` where there are none of a class or a discount is out of its range,
    as happens in small and artificial corpora.
    """
    if min(class_sizes[:_MAX_CLASS]) == 0:
        return FALLBACK_DISCOUNTS
    once, twice, thrice, more = (float(size) for size in class_sizes)
    share = once / (once + 2 * twice)
    first, second, third = (
        1 - 2 * share * twice / once,
        2 - 3 * share * thrice / twice,
        3 - 4 * share * more / thrice,
    )
    if min(first, second, third) < 0 or first > 1 or second > 2 or third > 3:  # noqa: PLR2004
        return FALLBACK_DISCOUNTS
    return first, second, third


def _index(lines: Iterable[str]) -> tuple[tuple[str, ...], Ints]:
    """Returns the vocabulary in order of appearance and all sentences as ids, each in <s> </s>."""
    ids = {word: index for index, word in enumerate(SPECIAL_WORDS)}
    flat = array("q")
    for line in lines:
        sentence = array("q", [ids.setdefault(word, len(ids)) for word in line.split()])
        if not sentence:
            continue
        if min(sentence) <= EOS:
            raise LanguageModelError(f"a sentence may not hold any of {', '.join(SPECIAL_WORDS)}")
        flat.append(BOS)
        flat.extend(sentence)
        flat.append(EOS)
    if not flat:
        raise LanguageModelError("there is no text to estimate a language model from")
    return tuple(ids), np.frombuffer(flat, dtype=np.int64)


def _count(tokens: Ints, order: int, vocabulary: int) -> list[_Counted]:
    """Returns the distinct n-grams of each order; none holds <s> but as its first word.

    An n-gram is numbered by its suffix and the word before it, which sorts it as in `Ngrams`.
    """
    starts = np.flatnonzero(tokens == BOS)
    lengths = np.diff(np.append(starts, len(tokens)))
    offsets = np.arange(len(tokens)) - np.repeat(starts, lengths)
    numbers = tokens
    words = np.arange(vocabulary, dtype=np.int64)[:, None]
    none = np.zeros(vocabulary, dtype=np.int64)
    occurrences = np.bincount(tokens, minlength=vocabulary)
    counted = [_Counted(words, occurrences, none, none)]
    for size in range(2, order + 1):
        ends = np.flatnonzero(offsets >= size - 1)
        keys = numbers[ends] * vocabulary + tokens[ends - size + 1]
        distinct, first, inverse, occurrences = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        found = ends[first]
        counted.append(
            _Counted(
                words=tokens[found[:, None] + np.arange(1 - size, 1)],
                occurrences=occurrences,
                suffix=distinct // vocabulary,
                context=numbers[found - 1],
            )
        )
        numbers = np.full(len(tokens), -1, dtype=np.int64)
        numbers[ends] = inverse
    return counted


def _adjust(counted: list[_Counted]) -> list[Ints]:
    """Returns Kneser-Ney counts: of lower orders, how many different words stand before.

    What begins with <s> has nothing before it and keeps its occurrences, like the highest order.
    """
    adjusted = []
    for grams, higher in zip(counted, [*counted[1:], None], strict=True):
        counts = grams.occurrences
        if higher is not None:
            before = np.bincount(higher.suffix, minlength=len(counts))
            counts = np.where(grams.words[:, 0] == BOS, counts, before)
        adjusted.append(counts)
    adjusted[0] = adjusted[0].copy()
    adjusted[0][[UNK, BOS]] = 0
    return adjusted


def _class_sizes(counted: list[_Counted], adjusted: list[Ints], level: int) -> list[int]:
    """Returns how many n-grams have an adjusted count of 1, 2, 3 and 4.

    `lmplz` takes the last n-gram of all, and its suffixes, by their occurrences instead of their
    adjusted counts; so do we, to give the same numbers on small corpora.
    """
    counts = adjusted[level]
    is_last = all(
        higher.suffix[-1] == len(lower.words) - 1
        for lower, higher in pairwise(counted[: level + 1])
    )
    if is_last and level < len(counted) - 1:
        counts = counts.copy()
        counts[-1] = counted[level].occurrences[-1]
    sizes = np.bincount(np.minimum(counts, 5), minlength=6)
    return [int(size) for size in sizes[1:5]]


def _smooth(
    grams: _Counted,
    counts: Ints,
    pruned: NDArray[np.bool_],
    discounts: tuple[float, float, float],
    contexts: int,
) -> _Smoothed:
    """Returns discounted probabilities, and the share of each context that the lower order gets."""
    taken = np.array([0.0, *discounts])[np.minimum(counts, _MAX_CLASS)]
    totals = np.bincount(grams.context, counts, minlength=contexts)
    to_lower = np.bincount(grams.context, np.where(pruned, counts, taken), minlength=contexts)
    # A context that nothing ever follows leaves all to the lower order.
    divisors = np.maximum(totals, 1.0)
    left = np.where(totals > 0, to_lower / divisors, 1.0)
    return _Smoothed(~pruned, (counts - taken) / divisors[grams.context], left)


def _interpolate(counted: list[_Counted], smoothed: list[_Smoothed]) -> tuple[Ngrams, ...]:
    """Mixes each order with the one below it, the lowest with a uniform share for every word."""
    orders = []
    # Uniform over every word but <s>.
    lower = np.array([1.0 / (smoothed[0].kept.sum() - 1)])
    for level, (grams, smooth) in enumerate(zip(counted, smoothed, strict=True)):
        probabilities = smooth.own + smooth.left[grams.context] * lower[grams.suffix]
        if level == 0:
            # <s> is given, never predicted; its probability is by convention 1.
            probabilities[BOS] = 1.0
        backoffs = np.ones(len(probabilities))
        if level + 1 < len(smoothed):
            goes_on = (grams.words[:, -1] != EOS) & (grams.words[:, -1] != UNK)
            backoffs = np.where(goes_on, smoothed[level + 1].left, 1.0)
        kept = smooth.kept
        orders.append(
            Ngrams(
                grams.words[kept],
                np.minimum(0.0, np.log10(probabilities[kept])),
                np.log10(backoffs[kept]),
            )
        )
        lower = probabilities
    return tuple(orders)
