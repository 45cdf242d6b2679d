"""Mixes a language model with one of everyday sentences and with the frequencies of words.

Help texts alone make a model that does not know `yesterday`, and takes every kitchen for a screen.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from app.text import normalise
from trainer.errors import CorpusError
from trainer.language_model.corpus import HeldOut, clean
from trainer.language_model.kneser_ney import (
    BOS,
    EOS,
    SPECIAL_WORDS,
    UNK,
    NgramModel,
    Ngrams,
    estimate,
)
from trainer.language_model.mixture import Part, mix
from trainer.language_model.pruning import prune_to
from trainer.recipe import MixtureRecipe, Recipe
from trainer.text.everyday import everyday_sentences
from trainer.text.frequent_words import frequent_words

_PROBABILITIES = {UNK: 1e-7, BOS: 1e-99, EOS: 0.1}
"""Of what is no word in a model of single words: a sentence has about ten of those."""


def with_everyday_language(
    model: NgramModel,
    recipe: Recipe,
    packages: Path,
    held_out: Sequence[str],
    notify: Callable[[str], None] = lambda _: None,
) -> NgramModel:
    """Returns a mixture of three models, pruned to the size of the recipe.

    Args:
        model: of the recipe's text.
        recipe: with a [language_model.mixture]; without one the model is returned as it is.
        packages: where Debian archives and wheels are kept.
        held_out: sentences that no model may have seen.
        notify: called with a line of progress.

    Raises:
        CorpusError: there is no grammar or word list of the language, or a package is missing.
    """
    mixture = recipe.language_model.mixture if recipe.language_model else None
    if mixture is None:
        return model
    notify(f"making up {mixture.everyday_sentences} everyday sentences")
    lines = made_up(recipe, mixture, held_out)
    notify(f"reading {mixture.frequent_words} frequent words")
    words = frequent_words(recipe.language, mixture.frequent_words, packages)
    everyday, frequent = mixture.everyday_share, mixture.frequent_words_share
    mixed = mix(
        [
            Part(model, 1 - everyday - frequent),
            Part(estimate(lines, order=len(model.orders)), everyday),
            Part(single_words(words), frequent),
        ]
    )
    return prune_to(mixed, mixture.max_ngrams)


def made_up(recipe: Recipe, mixture: MixtureRecipe, held_out: Sequence[str]) -> tuple[str, ...]:
    """Returns everyday sentences, none twice and none that is held out.

    Raises:
        CorpusError: there is no grammar of the language.
    """
    made = everyday_sentences(recipe.language, seed=recipe.seed)
    texts = (normalise(sentence) for sentence in islice(made, mixture.everyday_sentences))
    return clean(texts, HeldOut(held_out)).lines


def single_words(shares: Mapping[str, float]) -> NgramModel:
    """Returns a model of single words, each as frequent as its share of all of them.

    Raises:
        CorpusError: there are no words.
    """
    if not shares:
        raise CorpusError("there are no words to make a model of")
    vocabulary = (*SPECIAL_WORDS, *shares)
    given = np.array([0.0, 0.0, 0.0, *shares.values()])
    given *= (1 - sum(_PROBABILITIES.values())) / given.sum()
    for word, probability in _PROBABILITIES.items():
        given[word] = probability
    ids = np.arange(len(vocabulary), dtype=np.int64)[:, None]
    return NgramModel(vocabulary, (Ngrams(ids, np.log10(given), np.zeros(len(vocabulary))),))
