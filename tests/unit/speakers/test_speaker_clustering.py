"""How many speakers there are among voices, and whose voice each is."""

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from app.speakers import DiarizationOptions
from app.speakers.clustering import assign_voices, find_speakers

ANY = DiarizationOptions()


def voices(
    counts: list[int], *, spread: float = 0.04, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings around a direction of each speaker, in turn, and the speaker of each."""
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.normal(size=(192, len(counts))))[0].T
    labels = random.permutation(np.repeat(np.arange(len(counts)), counts))
    points = directions[labels] + spread * random.normal(size=(len(labels), 192))
    return points / np.linalg.norm(points, axis=1, keepdims=True), labels


def found_labels(points: np.ndarray, options: DiarizationOptions = ANY) -> np.ndarray:
    speakers = find_speakers(points, np.full(len(points), 4.0), options)
    return assign_voices(points, np.arange(len(points)), speakers)


def same_grouping(found: np.ndarray, expected: np.ndarray) -> bool:
    pairs = set(zip(found.tolist(), expected.tolist(), strict=True))
    return len(pairs) == len(set(found.tolist())) == len(set(expected.tolist()))


@pytest.mark.parametrize("counts", [[1], [20], [20, 3], [30, 30, 10, 5, 5], [9] * 8])
def test_number_of_speakers_is_found(counts: list[int]) -> None:
    points, expected = voices(counts)
    assert same_grouping(found_labels(points), expected)


@pytest.mark.parametrize(
    ("options", "number"),
    [
        (DiarizationOptions(2, 2), 2),
        (DiarizationOptions(1, 3), 3),
        (DiarizationOptions(6), 6),
        (DiarizationOptions(2, 9), 5),
    ],
)
def test_number_of_speakers_is_within_the_limits(options: DiarizationOptions, number: int) -> None:
    points, _ = voices([30, 25, 20, 15, 10])
    assert len(find_speakers(points, np.full(100, 4.0), options)) == number


def test_no_more_speakers_than_voices() -> None:
    points, _ = voices([2, 1])
    assert len(find_speakers(points, np.full(3, 4.0), DiarizationOptions(8, 8))) == 3


def test_one_who_hardly_speaks_is_no_speaker() -> None:
    points, labels = voices([40, 40, 1])
    seconds = np.where(labels == 2, 1.0, 4.0)
    assert len(find_speakers(points, seconds, ANY)) == 2


def test_hours_of_voices_are_clustered_in_blocks() -> None:
    points, expected = voices([1500, 900, 500, 100])
    assert same_grouping(found_labels(points), expected)


def test_voices_of_one_window_are_those_of_different_speakers() -> None:
    points, _ = voices([10, 10])
    speakers = find_speakers(points, np.full(20, 4.0), ANY)
    alike = np.stack([points[0], points[0]])
    assert set(assign_voices(alike, np.array([0, 0]), speakers)) == {0, 1}
    assert len(set(assign_voices(alike, np.array([0, 1]), speakers))) == 1


@settings(max_examples=examples(30))
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_any_voices_have_speakers_within_the_limits(count: int, limit: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(count, 192))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    speakers = find_speakers(points, random.random(count) * 4, DiarizationOptions(1, limit))
    assert 1 <= len(speakers) <= limit
    labels = assign_voices(points, np.sort(random.integers(0, count, count)), speakers)
    assert set(labels) <= set(range(len(speakers)))
