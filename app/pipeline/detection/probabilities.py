"""The probabilities of languages, from how well speech fits the model of each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.decoding import SpeechScore

Probabilities = NDArray[np.float64]

# Weights of logistic regressions, fitted to speech that docs/languages.md describes.
_PER_DEVIATION = 0.8
_PER_SCORE = 0.5
_PER_CONFIDENCE = 4.0
_PER_CONFIDENCE_ALONE = 12.0
# A score outside is no better evidence: what is noise to every model decides nothing.
_LOWEST, _HIGHEST = -12.0, 2.0
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

    The softmax of a weighted sum of scores and confidences: of calibrated scores where every model
    has them, else of the scores themselves, which are comparable where all models are decoded
    alike; of the confidences alone where they are not.

    Args:
        scores: of the same speech by the model of each language; at least one.
        seconds: length of the speech.
    """
    confidences = np.array([score.confidence for score in scores])
    deviations = [score.deviation for score in scores if score.deviation is not None]
    if len(deviations) == len(scores):
        clipped = np.clip(deviations, _LOWEST, _HIGHEST)
        evidence = _PER_DEVIATION * clipped + _PER_CONFIDENCE * confidences
    elif len({score.decoder for score in scores}) == 1:
        plain = np.array([score.score for score in scores])
        evidence = _PER_SCORE * plain + _PER_CONFIDENCE * confidences
    else:
        evidence = _PER_CONFIDENCE_ALONE * confidences
    evidence = evidence * np.sqrt(min(seconds, _MAX_SECONDS) / _SECONDS)
    weights = np.exp(evidence - evidence.max())
    return _LEAST / len(scores) + (1 - _LEAST) * weights / weights.sum()


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


def _normalised(values: Probabilities) -> Probabilities:
    total: Probabilities = values / values.sum()
    return total
