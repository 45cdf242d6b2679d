"""How the benchmark scores who speaks, and the conversations that it makes."""

import numpy as np
import pytest

from app.speakers import Turn
from bench.conversations import make_conversation
from bench.diarization import diarization_error, right_words
from bench.voices import Utterance

REFERENCE = (Turn(0.0, 4.0, 0), Turn(4.0, 8.0, 1), Turn(7.0, 9.0, 0))


def test_true_turns_under_other_numbers_have_no_error() -> None:
    found = [Turn(turn.start, turn.end, 5 - turn.speaker) for turn in REFERENCE]
    assert diarization_error(REFERENCE, found, 0.0) == (pytest.approx(10.0), pytest.approx(0.0))
    assert right_words(REFERENCE, found) == 3


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ([], 10.0),
        ([Turn(0.0, 9.0, 0)], 1.0 + 3.0),
        ([Turn(0.0, 4.0, 0), Turn(4.0, 8.0, 1), Turn(7.0, 9.0, 2)], 2.0),
        ([*REFERENCE, Turn(9.0, 9.5, 1)], 0.5),
    ],
    ids=["missed", "one for both", "one as two", "invented"],
)
def test_missed_invented_and_confused_speech_is_error(found: list[Turn], error: float) -> None:
    assert diarization_error(REFERENCE, found, 0.0)[1] == pytest.approx(error)


def test_collar_leaves_out_the_edges() -> None:
    found = [Turn(0.2, 4.2, 0), Turn(4.2, 7.8, 1), Turn(7.2, 9.2, 0)]
    assert diarization_error(REFERENCE, found, 0.0)[1] > 0.5
    speech, error = diarization_error(REFERENCE, found, 0.25)
    assert error == 0.0
    assert speech < 10.0 - 5 * 0.25


def test_conversation_has_all_speakers_and_the_same_for_a_seed() -> None:
    random = np.random.default_rng(0)
    banks = [
        [Utterance(random.normal(0, 0.06, 16_000 * n).astype(np.float32), n) for n in (1, 2, 3)]
        for _ in range(3)
    ]
    made, again = (make_conversation(banks, 30.0, 4) for _ in range(2))
    np.testing.assert_array_equal(made.samples, again.samples)
    assert len(made.samples) >= 30 * 16_000
    assert np.abs(made.samples).max() <= 1.0
    assert {turn.speaker for turn in made.turns} == {0, 1, 2}
    assert all(0 <= turn.start < turn.end < len(made.samples) / 16_000 for turn in made.turns)
    spoken = sum(turn.end - turn.start for turn in made.turns)
    assert sum(word.end - word.start for word in made.words) == pytest.approx(spoken)
