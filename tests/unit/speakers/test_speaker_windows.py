"""Windows on one grid, and how the speakers of each become turns of the recording."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.speakers.windows import (
    CLASSES,
    FRAME,
    FRAMES,
    STEP,
    WINDOW,
    active_speakers,
    join_windows,
    speaking_alone,
    turns_of,
    window_starts,
)


@given(st.integers(1, 60 * 16_000))
def test_windows_cover_every_sample_and_the_last_one_starts_within(samples: int) -> None:
    starts = list(window_starts(samples))
    assert starts[0] == 0
    assert all(b - a == STEP < WINDOW for a, b in itertools.pairwise(starts))
    assert starts[-1] < samples
    assert starts[-1] + WINDOW >= samples


def test_recording_of_one_window_has_no_second_one() -> None:
    assert list(window_starts(WINDOW)) == [0]
    assert list(window_starts(WINDOW + 1)) == [0, STEP]


def test_classes_are_sets_of_at_most_two_speakers() -> None:
    active = active_speakers(np.arange(len(CLASSES)))
    assert [tuple(np.flatnonzero(row)) for row in active] == list(CLASSES)
    assert speaking_alone(active).sum() == 3


def conversation() -> tuple[np.ndarray, int]:
    """Two windows: one speaks, then another, then both; their numbers differ in the windows."""
    frames = FRAMES + STEP // FRAME
    who = np.zeros((frames, 2), bool)
    who[:400, 0] = True
    who[380:, 1] = True
    activity = np.zeros((2, FRAMES, 3), bool)
    activity[0, :, 0], activity[0, :, 2] = who[:FRAMES, 0], who[:FRAMES, 1]
    activity[1, :, 1], activity[1, :, 0] = who[-FRAMES:, 0], who[-FRAMES:, 1]
    return activity, frames * FRAME


def test_windows_with_other_numbers_for_the_same_speakers_are_joined() -> None:
    activity, samples = conversation()
    joined = join_windows(activity, np.array([[0, -1, 1], [1, 0, -1]]), samples, 2)
    assert joined[:380].tolist() == [[True, False]] * 380
    assert joined[380:400].all(), "those who speak at once are both there"
    assert joined[400:].tolist() == [[False, True]] * (len(joined) - 400)
    first, second = turns_of(joined, samples)
    assert (first.start, first.speaker, second.speaker) == (0.0, 0, 1)
    assert first.end == pytest.approx(400 * FRAME / 16_000, abs=0.05)
    assert second.end == pytest.approx(samples / 16_000)
    assert second.start < first.end


def test_speaker_without_a_label_is_left_out() -> None:
    activity, samples = conversation()
    joined = join_windows(activity, np.array([[0, -1, -1], [-1, 0, -1]]), samples, 1)
    assert len(turns_of(joined, samples)) == 1


def test_short_pauses_are_within_a_turn_and_short_sounds_are_none() -> None:
    activity = np.zeros((200, 1), bool)
    activity[20:60] = activity[65:100] = activity[150:153] = True
    (turn,) = turns_of(activity, 200 * FRAME)
    assert turn.end - turn.start == pytest.approx(80 * FRAME / 16_000)


@given(st.integers(1, 40 * 16_000), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_turns_are_within_the_recording_and_those_of_a_speaker_apart(
    samples: int, speakers: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    windows = len(window_starts(samples))
    activity = random.random((windows, FRAMES, 3)) < 0.5
    labels = random.integers(-1, speakers, (windows, 3))
    turns = turns_of(join_windows(activity, labels, samples, speakers), samples)
    assert [turn.start for turn in turns] == sorted(turn.start for turn in turns)
    for speaker in range(speakers):
        own = [turn for turn in turns if turn.speaker == speaker]
        assert all(0 <= turn.start < turn.end <= samples / 16_000 for turn in own)
        assert all(a.end < b.start for a, b in itertools.pairwise(own))
