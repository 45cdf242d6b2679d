"""Cleans and deduplicates sentences and assigns each to train, valid or test.

The split is decided by a hash of the sentence, so no sentence can be in two splits, whatever
else is in the corpus.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.splits import SPLITS
from app.text import LETTERS, normalise
from trainer.recipe import TextRecipe

_ENDS = re.compile(r"(?<=[.!?:;…])[\"'”»)]*\s+|\n")
_PARENTHESES = re.compile(r"\s*\([^()]*\)")
_ALLOWED = re.compile(r"[^\W\d_]|[ ,.!?:;…\"'“”«»„’‘–—()-]")
_BRAND = re.compile(r"\w[A-ZÆØÅ]|\b[A-ZÆØÅ]{2,}")
_REPEATED = re.compile(r"(.)\1\1")
_VOWEL = re.compile(r"[aeiouyæøå]")
_KNOWN = frozenset(LETTERS + " ")


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences of each split in the order they were found, and why others were dropped."""

    splits: dict[str, tuple[str, ...]]
    dropped: dict[str, int]


def split_of(sentence: str, recipe: TextRecipe) -> str:
    """Returns train, valid or test for a normalised sentence, by its hash alone."""
    digest = hashlib.sha256(sentence.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < recipe.test_share:
        return "test"
    if place < recipe.test_share + recipe.valid_share:
        return "valid"
    return "train"


def collect(paragraphs: Iterable[str], recipe: TextRecipe) -> Sentences:
    """Cleans, deduplicates and splits everything in `paragraphs`, counting what is dropped."""
    dropped: Counter[str] = Counter()
    seen: dict[str, None] = {}
    for paragraph in paragraphs:
        for raw in cut(paragraph):
            sentence, reason = clean(raw, recipe)
            if reason is None and sentence in seen:
                reason = "repeated"
            if reason is None:
                seen[sentence] = None
            else:
                dropped[reason] += 1
    splits: dict[str, list[str]] = {name: [] for name in SPLITS}
    for sentence in seen:
        splits[split_of(sentence, recipe)].append(sentence)
    return Sentences({name: tuple(kept) for name, kept in splits.items()}, dict(dropped))


def cut(paragraph: str) -> Iterator[str]:
    """Yields the sentences of a paragraph, without what stands in parentheses."""
    for part in _ENDS.split(_PARENTHESES.sub("", paragraph)):
        if part.strip():
            yield part.strip()


def clean(raw: str, recipe: TextRecipe) -> tuple[str, str | None]:
    """Returns the normalised sentence and None, or what there is of it and why it is dropped."""
    if any(not _ALLOWED.match(character) for character in raw):
        return raw, "digits or symbols"
    if _BRAND.search(raw) or re.search(r"\w[.:]\w", raw):
        return raw, "names and abbreviations in capitals"
    # The published normalisation removes hyphens; `bruker-konto` would become one wrong word.
    sentence = normalise(re.sub(r"[-–—]", " ", raw), mode=recipe.normalisation)
    return sentence, _flaw(sentence, recipe)


def _flaw(sentence: str, recipe: TextRecipe) -> str | None:
    words = sentence.split()
    kept = set(words)
    flaws = {
        "too short or too long": not recipe.min_words <= len(words) <= recipe.max_words,
        "foreign letters": not _KNOWN.issuperset(sentence),
        "a word that is no word": not all(_is_word(word, recipe) for word in words),
        "another language": kept.isdisjoint(recipe.function_words)
        or not kept.isdisjoint(recipe.foreign_words),
    }
    return next((flaw for flaw, found in flaws.items() if found), None)


def _is_word(word: str, recipe: TextRecipe) -> bool:
    fits = len(word) <= recipe.max_word_letters
    return fits and _VOWEL.search(word) is not None and not _REPEATED.search(word)
