"""Tunes the weights of a mixture on text that its parts have not seen, and compares on it."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.text import LETTERS
from trainer.errors import LanguageModelError

FOLDS = 5
_MANY_SENTENCES = 5000
_ROUNDS = 100
_LEAST, _MOST = 0.02, 0.9
_LETTER = math.log10(len(LETTERS) + 1)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """What one model gives to the words and the ends of some sentences.

    `probabilities` of words that it knows, else 0; `unknown` the probability of any word that it
    does not know, else 0; both [words]. `letters` are those of each word, its end included.
    """

    probabilities: Floats
    unknown: Floats
    letters: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the model knows a word, [words]."""
        return self.probabilities > 0


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a model predicts held-out text: perplexity a word, and the share it does not know.

    Of an unknown word every letter counts as one in thirty, so that models with different words
    compare.
    """

    perplexity: float
    unknown: float


def folds(lines: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Returns the parts to learn from and to hold out: five in turn, of much text the first alone.

    A hash of the sentence decides, so that the same sentences make the same parts.

    Raises:
        LanguageModelError: there are too few sentences.
    """
    places = [
        int.from_bytes(hashlib.sha256(line.encode()).digest()[:4], "big") % FOLDS for line in lines
    ]
    parts = [
        (
            [line for line, place in zip(lines, places, strict=True) if place != fold],
            [line for line, place in zip(lines, places, strict=True) if place == fold],
        )
        for fold in range(FOLDS)
    ]
    usable = [part for part in parts if part[0] and part[1]]
    if not usable:
        raise LanguageModelError(
            f"{len(lines)} different sentences are too few to hold some of them out; give more text"
        )
    return usable[:1] if len(lines) > _MANY_SENTENCES else usable


def score(model: Any, lines: Iterable[str]) -> Scores:  # noqa: ANN401 - kenlm has no types
    """Scores sentences by KenLM's own code."""
    known: list[float] = []
    unknown: list[float] = []
    letters: list[int] = []
    for line in lines:
        scored = model.full_scores(line)
        for (logp, _, is_unknown), word in zip(scored, [*line.split(), ""], strict=True):
            known.append(0.0 if is_unknown else 10.0**logp)
            unknown.append(10.0**logp if is_unknown else 0.0)
            letters.append(len(word) + 1)
    return Scores(np.array(known), np.array(unknown), np.array(letters, dtype=np.float64))


def score_names(names: Sequence[str], lines: Iterable[str]) -> Scores:
    """Scores sentences by the words of names alone, whatever stands before them."""
    counts = Counter(word for name in names for word in name.split())
    shares = {word: count / counts.total() for word, count in counts.items()}
    each = [word for line in lines for word in [*line.split(), ""]]
    found = np.array([shares.get(word, 0.0) for word in each])
    letters = np.array([len(word) + 1 for word in each], dtype=np.float64)
    return Scores(found, np.zeros(len(found)), letters)


def join(parts: Sequence[Scores]) -> Scores:
    """Returns the scores of all folds one after the other."""
    return Scores(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.unknown for part in parts]),
        np.concatenate([part.letters for part in parts]),
    )


def mixed(parts: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """Returns the scores of the mixture of some models."""
    probabilities = sum(
        (weight * part.probabilities for part, weight in zip(parts, weights, strict=True)),
        np.zeros(len(parts[0].letters)),
    )
    unknown = sum(
        (weight * part.unknown for part, weight in zip(parts, weights, strict=True)),
        np.zeros(len(parts[0].letters)),
    )
    return Scores(probabilities, np.where(probabilities > 0, 0.0, unknown), parts[0].letters)


def quality(scores: Scores) -> Quality:
    """Returns how well a model predicts the text."""
    known = scores.known
    logs = np.log10(np.where(known, scores.probabilities, np.maximum(scores.unknown, 1e-12)))
    logs -= np.where(known, 0.0, scores.letters * _LETTER)
    words = scores.letters > 1
    unknown = float((~known & words).sum() / max(words.sum(), 1))
    return Quality(float(10.0 ** -logs.mean()), unknown)


def fit_weight(texts: Scores, base: Scores) -> float:
    """Returns the weight of the texts' model beside the base that makes the text likeliest.

    By expectation maximisation (Dempster et al. 1977), between 0.02 and 0.9: sentences of the same
    documents resemble each other more than what will be said.
    """
    either = texts.known | base.known
    own, other = texts.probabilities[either], base.probabilities[either]
    weight = 0.5
    for _ in range(_ROUNDS if len(own) else 0):
        weight = float(np.mean(weight * own / (weight * own + (1 - weight) * other)))
    return min(max(weight, _LEAST), _MOST)
