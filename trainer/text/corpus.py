"""Collects the sentences of a recipe: extracted, translated, or generated.

Synthesis speaks a part of them; the language model learns from all training sentences.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app.splits import SPLITS
from app.text import normalise
from trainer.errors import CorpusError
from trainer.recipe import Recipe, TextRecipe, load_recipe
from trainer.text.everyday import development_sentences, everyday_sentences
from trainer.text.numbers import number_sentences
from trainer.text.packages import download, paragraphs
from trainer.text.sentences import Sentences, clean, collect, split_of
from trainer.text.translation import translate

_TRIES = 20  # numbers to try for each sentence required: a small split takes one in thirty


@dataclass(frozen=True, slots=True)
class Corpus:
    """All sentences of a recipe, by split.

    `found` come from packages; `translated` (training only) from another recipe's; `numbers`
    are made up. `everyday` (training only) comes from a grammar, `development` is the hand-written
    part of the validation split. `packages` are the archives' names with versions, `dropped`
    counts reasons.
    """

    found: dict[str, tuple[str, ...]]
    translated: tuple[str, ...]
    numbers: dict[str, tuple[str, ...]]
    everyday: tuple[str, ...]
    development: tuple[str, ...]
    packages: tuple[str, ...]
    dropped: dict[str, int]
    dropped_translations: dict[str, int]

    def sentences(self, split: str) -> tuple[str, ...]:
        """Returns every sentence of a split."""
        translated = self.translated if split == "train" else ()
        return self.found[split] + translated + self.made_up(split)

    def made_up(self, split: str) -> tuple[str, ...]:
        """Returns the sentences of a split that stand in no package."""
        more = {"train": self.everyday, "valid": self.development}
        return self.numbers[split] + more.get(split, ())


def read_corpus(
    recipe: Recipe,
    packages: Path,
    *,
    numbers: dict[str, int] | None = None,
    everyday: int = 0,
    notify: Callable[[str], None] = lambda _: None,
) -> Corpus:
    """Extracts, translates and makes up the sentences of a recipe.

    Args:
        recipe: one with a [text] part.
        packages: where Debian archives are kept; what is missing is downloaded.
        numbers: how many sentences with numbers to make up for each split.
        everyday: how many everyday sentences to make up for training; with any, the development
            sentences are in the validation split.
        notify: called with a line of progress.

    Raises:
        CorpusError: the recipe has no [text], or a package or Apertium is not available.
    """
    text = text_of(recipe)
    sentences, archives = _read(text, packages, notify)
    translated: tuple[str, ...] = ()
    refused: Counter[str] = Counter()
    if text.translate_from:
        source = load_recipe(text.translate_from)
        source_sentences, more = _read(text_of(source), packages, notify)
        archives = tuple(dict.fromkeys(archives + more))
        originals = source_sentences.splits["train"]
        notify(f"translating {len(originals)} sentences of {source.id}")
        known = {sentence for kept in sentences.splits.values() for sentence in kept}
        translated = tuple(
            keep_translations(
                translate(originals, source.language, recipe.language), known, text, refused
            )
        )
    required = numbers or dict.fromkeys(SPLITS, 0)
    return Corpus(
        found=sentences.splits,
        translated=translated,
        numbers=make_numbers(recipe, required),
        everyday=make_everyday(recipe, everyday),
        development=development_sentences(recipe.language) if everyday else (),
        packages=archives,
        dropped=sentences.dropped,
        dropped_translations=dict(refused),
    )


def text_of(recipe: Recipe) -> TextRecipe:
    """Returns the [text] part of a recipe.

    Raises:
        CorpusError: there is none.
    """
    if recipe.text is None:
        raise CorpusError(f"{recipe.id} has no [text]: its sentences come with its speech")
    return recipe.text


def keep_translations(
    translations: list[str | None], known: set[str], recipe: TextRecipe, dropped: Counter[str]
) -> list[str]:
    """Returns what may be trained on: clean, new, and by its own hash a training sentence.

    Only training sentences are translated, and a translation whose hash selects valid or test is
    dropped: so no held-out sentence has a counterpart in training, on either side.
    """
    kept: dict[str, None] = {}
    for translation in translations:
        if translation is None:
            dropped["words unknown to the translator"] += 1
            continue
        sentence, reason = clean(translation, recipe)
        if reason is None and (sentence in known or sentence in kept):
            reason = "repeated"
        if reason is None and split_of(sentence, recipe) != "train":
            reason = "held out by its hash"
        if reason is None:
            kept[sentence] = None
        else:
            dropped[reason] += 1
    return list(kept)


def make_numbers(recipe: Recipe, required: dict[str, int]) -> dict[str, tuple[str, ...]]:
    """Makes up sentences with numbers until every split has as many as required.

    Raises:
        CorpusError: the language has no number words, or a split is too small to fill.
    """
    kept: dict[str, dict[str, None]] = {split: {} for split in required}
    if not any(required.values()):
        return dict.fromkeys(required, ())
    text = text_of(recipe)
    smallest = min(share for share in (text.valid_share, text.test_share, 1.0) if share > 0)
    tries = round(_TRIES * max(required.values()) / smallest)
    for raw in islice(number_sentences(recipe.language, seed=recipe.seed), tries):
        sentence, reason = clean(raw, text)
        split = split_of(sentence, text)
        if reason is None and len(kept[split]) < required[split]:
            kept[split][sentence] = None
        if all(len(kept[name]) == count for name, count in required.items()):
            return {name: tuple(sentences) for name, sentences in kept.items()}
    raise CorpusError(f"cannot make up {required} different sentences with numbers")


def make_everyday(recipe: Recipe, count: int) -> tuple[str, ...]:
    """Makes up different everyday sentences, none of which is held out by its hash.

    Raises:
        CorpusError: the language has no grammar, or one that makes too few.
    """
    kept: dict[str, None] = {}
    if not count:
        return ()
    text = text_of(recipe)
    held_out = frozenset(development_sentences(recipe.language))
    for raw in islice(everyday_sentences(recipe.language, seed=recipe.seed), _TRIES * count):
        sentence = normalise(raw, mode=text.normalisation)
        fits = text.min_words <= len(sentence.split()) <= text.max_words
        if fits and sentence not in held_out and split_of(sentence, text) == "train":
            kept[sentence] = None
        if len(kept) == count:
            return tuple(kept)
    raise CorpusError(f"cannot make up {count} different everyday sentences")


def _read(
    text: TextRecipe, packages: Path, notify: Callable[[str], None]
) -> tuple[Sentences, tuple[str, ...]]:
    archives = []
    for name in text.packages:
        notify(f"package {name}")
        archives.append(download(name, packages))
    notify("reading sentences")
    found = (part for archive in archives for part in paragraphs(archive, text.locales))
    return collect(found, text), tuple(archive.stem for archive in archives)
