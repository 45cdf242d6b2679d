"""The probabilities of languages, from how well speech fits the model of each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.decoding import SpeechScore

Probabilities = NDArray[np.float64]

# Weights of logistic regressions, fitted to speech that docs/languages.md describes.
_PER_SCORE = 0.8
_PER_CONFIDENCE = 12.0
# The length of the speech that the weights hold for; the errors of a second are not independent of
# those of the next, so that longer speech counts for less than in proportion.
_SECONDS = 5.0
_MAX_SECONDS = 30.0
# No speech is so clear that every other language is out of the question.
_LEAST = 0.001
# Of an utterance being in another language than the one before.
_CHANGE = 0.1


def language_probabilities(scores: Sequence[SpeechScore], seconds: float) -> Probabilities:
    """Returns the probability of each language, float64 [languages].

    The softmax of weighted scores: less the usual ones where every model has these, else as they
    are, which is comparable where all models are decoded alike; of the confidences where they are
    not.

    Args:
        scores: of the same speech by the model of each language; at least one.
        seconds: length of the speech.
    """
    evidence = _evidence(scores) * np.sqrt(min(seconds, _MAX_SECONDS) / _SECONDS)
    weights = np.exp(evidence - evidence.max())
    found: Probabilities = _LEAST / len(scores) + (1 - _LEAST) * _normalised(weights)
    return found


def smoothed(utterances: Sequence[Probabilities]) -> list[Probabilities]:
    """Returns the probabilities of utterances in the light of those before and after them.

    The forward-backward algorithm (Rabiner 1989, doi:10.1109/5.18626) over the languages as states
    that seldom change, so that a single doubtful utterance does not change the language.

    Args:
        utterances: in order, each float64 [languages].
    """
    if not utterances:
        return []
    languages = len(utterances[0])
    if languages == 1:
        return list(utterances)
    stay = np.eye(languages, dtype=bool)
    change = np.where(stay, 1 - _CHANGE, _CHANGE / (languages - 1))
    forward: list[Probabilities] = []
    backward: list[Probabilities] = [np.ones(languages)]
    state: Probabilities = np.full(languages, 1 / languages)
    for own in utterances:
        state = _normalised((change @ state) * own)
        forward.append(state)
    for own in reversed(utterances[1:]):
        backward.append(_normalised(change @ (backward[-1] * own)))
    return [
        _normalised(before * after)
        for before, after in zip(forward, reversed(backward), strict=True)
    ]


def _evidence(scores: Sequence[SpeechScore]) -> Probabilities:
    """Returns the evidence for each language in five seconds of speech, float64 [languages]."""
    deviations = [score.deviation for score in scores if score.deviation is not None]
    if len(deviations) == len(scores):
        return _PER_SCORE * np.array(deviations)
    if len({score.decoder for score in scores}) == 1:
        return _PER_SCORE * np.array([score.score for score in scores])
    return _PER_CONFIDENCE * np.array([score.confidence for score in scores])


def _normalised(values: Probabilities) -> Probabilities:
    total: Probabilities = values / values.sum()
    return total
