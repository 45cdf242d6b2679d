"""Finds the speakers of a recording among the voices of its windows.

Agglomerative clustering with average linkage of cosine distances. The mean distance between the
members of two clusters is 1 - a @ b, for the means a and b of their embeddings, so that clusters of
clusters are as exact as those of voices: long recordings are clustered block by block.
"""

import itertools

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import squareform

from app.speakers.types import DiarizationOptions

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

THRESHOLD = 0.5
"""Mean cosine distance up to which two clusters are one speaker; chosen on conversations made of 15
synthetic voices, where 0.4 finds too many speakers and 0.6 too few."""
_CLEAR_SECONDS = 1.5
"""A voice that speaks less long alone decides nothing about the number of speakers."""
_MIN_SECONDS = 3.0
"""A cluster with less speech is no speaker; windows overlap, so that speech counts twice."""
_MIN_SHARE = 0.005
_BLOCK = 1000
"""Voices that are clustered at once: about an hour."""


def find_speakers(embeddings: Values, seconds: Values, options: DiarizationOptions) -> Values:
    """Returns the mean voice of each speaker, [speakers, values].

    Args:
        embeddings: of the voices, [voices, values], each of length 1; at least one.
        seconds: how long each voice speaks alone, [voices].
        options: how many speakers there may be. There are fewer than that where there are fewer
            voices.
    """
    clear = seconds >= _CLEAR_SECONDS
    if clear.sum() < options.min_speakers:
        clear = np.ones(len(seconds), np.bool_)
    points, weights = embeddings[clear], np.maximum(seconds[clear], 0.01)
    if len(points) > _BLOCK:
        points, weights = _joined_blocks(points, weights)
    if len(points) == 1:
        return points
    return _means(points, weights, *_cut(points, weights, options))[0]


def assign_voices(embeddings: Values, windows: Labels, speakers: Values) -> Labels:
    """Returns the speaker of each voice; no two voices of a window have the same, if possible.

    Args:
        embeddings: of the voices, [voices, values].
        windows: the window of each voice, in order.
        speakers: mean voices, [speakers, values].
    """
    directions = speakers / np.linalg.norm(speakers, axis=1, keepdims=True)
    similarity = embeddings @ directions.T
    labels: Labels = similarity.argmax(1)
    for start, end in _runs(windows):
        if len(set(labels[start:end])) < end - start <= len(speakers):
            labels[start:end] = linear_sum_assignment(-similarity[start:end])[1]
    return labels


def _joined_blocks(points: Values, weights: Values) -> tuple[Values, Values]:
    """Returns the means of the clusters of each block, and their weights."""
    means, totals = [], []
    for start in range(0, len(points), _BLOCK):
        block, own = points[start : start + _BLOCK], weights[start : start + _BLOCK]
        if len(block) == 1:
            continue
        labels = fcluster(_tree(block), THRESHOLD, "distance") - 1
        mean, total = _means(block, own, labels, _speakers_among(labels, own))
        means.append(mean)
        totals.append(total)
    return np.concatenate(means), np.concatenate(totals)


def _cut(points: Values, weights: Values, options: DiarizationOptions) -> tuple[Labels, Labels]:
    """Returns the labels of the clusters, and which of them are speakers.

    The clusters are those of the threshold; where the options want more or fewer speakers, those of
    the nearest threshold that gives so many.
    """
    tree = _tree(points)
    labels = fcluster(tree, THRESHOLD, "distance") - 1
    found = _speakers_among(labels, weights)
    wanted = options.within(len(found))
    if wanted == len(found):
        return labels, found
    heights = tree[:, 2]
    best = (abs(len(found) - wanted), 0.0)
    for height in (-1.0, *heights):
        other = fcluster(tree, height, "distance") - 1
        speakers = _speakers_among(other, weights)
        rank = (abs(len(speakers) - wanted), abs(height - THRESHOLD))
        if rank < best:
            best, labels, found = rank, other, speakers
    if len(found) < wanted:
        # Not enough of them speak for long: the clusters with most speech are taken.
        labels = fcluster(tree, wanted, "maxclust") - 1
        found = np.arange(labels.max() + 1)
    return labels, found


def _tree(points: Values) -> Values:
    distances = np.maximum(1.0 - points @ points.T, 0.0)
    np.fill_diagonal(distances, 0.0)
    tree: Values = linkage(squareform(distances, checks=False), "average")
    return tree


def _speakers_among(labels: Labels, weights: Values) -> Labels:
    """Returns the clusters with enough speech; the one with most where none has."""
    totals = np.bincount(labels, weights)
    enough = np.flatnonzero(totals >= max(_MIN_SECONDS, _MIN_SHARE * weights.sum()))
    return enough if len(enough) else np.array([totals.argmax()])


def _means(
    points: Values, weights: Values, labels: Labels, chosen: Labels
) -> tuple[Values, Values]:
    """Returns the mean of each chosen cluster, and its weight."""
    members = [labels == each for each in chosen]
    means = [np.average(points[own], axis=0, weights=weights[own]) for own in members]
    return np.stack(means), np.array([weights[own].sum() for own in members])


def _runs(windows: Labels) -> list[tuple[int, int]]:
    """Returns the range of the voices of each window."""
    edges = [0, *(np.flatnonzero(np.diff(windows)) + 1), len(windows)]
    return list(itertools.pairwise(edges))
