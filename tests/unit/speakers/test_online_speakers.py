"""The speakers of a live stream, one utterance after another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.speakers import OnlineSpeakers

A, B, C = np.eye(3, 192, dtype=np.float32)


def near(voice: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    mixed = (1 - share) * voice + share * other
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


def test_speakers_are_numbered_in_the_order_they_begin() -> None:
    speakers = OnlineSpeakers()
    voices = [A, B, near(A, C, 0.3), C, near(B, C, 0.3), A]
    assert [speakers.assign(voice, 4.0) for voice in voices] == [0, 1, 0, 2, 1, 0]


def test_short_utterance_has_the_nearest_speaker_and_makes_no_new_one() -> None:
    speakers = OnlineSpeakers()
    assert speakers.assign(A, 3.0) == 0
    assert speakers.assign(B, 3.0) == 1
    assert speakers.assign(near(C, B, 0.3), 0.5) == 1
    # It has not changed the mean of the speaker it was given to.
    assert speakers.assign(C, 3.0) == 2


def test_first_utterance_makes_a_speaker_however_short_it_is() -> None:
    assert OnlineSpeakers().assign(A, 0.3) == 0


def test_mean_voice_follows_its_speaker() -> None:
    speakers = OnlineSpeakers()
    for share in (0.0, 0.3, 0.5, 0.5, 0.5):
        assert speakers.assign(near(A, B, share), 4.0) == 0
    # Too far from the first utterance, and near enough to the mean.
    assert float(A @ near(A, B, 0.7)) < 0.45
    assert speakers.assign(near(A, B, 0.7), 4.0) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0.01, 60)), min_size=1, max_size=40))
def test_numbers_have_no_gaps_and_equal_voices_equal_numbers(
    utterances: list[tuple[int, float]],
) -> None:
    voices = np.eye(10, 192, dtype=np.float32)
    speakers = OnlineSpeakers()
    numbers = [speakers.assign(voices[voice], seconds) for voice, seconds in utterances]
    seen = -1
    for number in numbers:
        assert 0 <= number <= seen + 1
        seen = max(seen, number)
    clear: dict[int, int] = {}
    for (voice, seconds), number in zip(utterances, numbers, strict=True):
        if seconds >= 1.5:
            assert clear.setdefault(voice, number) == number
