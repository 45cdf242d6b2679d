"""Corrected texts get the times, speakers and confidences of what was recognised."""

import random

import pytest
from recognised import RECOGNISED, transcript

from app.contract.answers import Transcript, Word
from app.corrections.anchors import compare
from app.corrections.matching import WrittenLine, match


def shown(original: Transcript, text: str, speaker: str | None = None) -> list[tuple]:
    groups = match(original, [WrittenLine(text, speaker)])
    return [
        (word.word, round(word.start, 3), round(word.end, 3), word.confidence, word.speaker)
        for group in groups
        for word in group
    ]


def test_words_that_stay_keep_times_speaker_and_confidence() -> None:
    assert shown(RECOGNISED, "Det er Molde. Ja!") == [
        ("Det", 0.5, 0.7, 0.9, "S1"),
        ("er", 0.8, 0.9, 0.8, "S1"),
        ("Molde.", 1.0, 1.6, 0.3, "S1"),
        ("Ja!", 3.0, 3.2, 0.9, "S2"),
    ]


def test_replaced_word_has_the_time_of_the_one_before_and_is_certain() -> None:
    [_, _, replaced, _] = shown(RECOGNISED, "det er Moldejazz ja")
    assert replaced == ("Moldejazz", 1.0, 1.6, 1.0, "S1")


def test_several_words_share_a_time_by_their_letters() -> None:
    words = shown(RECOGNISED, "det er i bergen ja")
    assert [(word, start, end) for word, start, end, *_ in words[2:4]] == [
        ("i", 1.0, 1.086), ("bergen", 1.086, 1.6),
    ]  # fmt: skip


def test_added_words_are_in_the_pause_where_they_stand() -> None:
    words = shown(RECOGNISED, "hei det er molde da ja takk")
    times = {word: (start, end, speaker) for word, start, end, _, speaker in words}
    assert times["hei"] == (0.26, 0.5, "S1")
    assert times["da"] == (1.6, 1.76, "S1")
    assert times["takk"] == (3.2, 3.52, "S2")


def test_removed_words_leave_the_others_where_they_were() -> None:
    assert [word[:3] for word in shown(RECOGNISED, "det ja")] == [
        ("det", 0.5, 0.7), ("ja", 3.0, 3.2),
    ]  # fmt: skip


def test_named_speaker_takes_precedence() -> None:
    groups = match(RECOGNISED, [WrittenLine("det er molde", "S2"), WrittenLine("ja", "S1")])
    assert [[word.speaker for word in group] for group in groups] == [["S2"] * 3, ["S1"]]


def test_written_number_of_two_tokens_is_matched() -> None:
    original = transcript(Word("1 000", 1.0, 2.0, 0.9), Word("kroner", 2.0, 2.5, 0.9))
    assert [word[:3] for word in shown(original, "1 000 kroner")] == [
        ("1", 1.0, 1.25), ("000", 1.25, 2.0), ("kroner", 2.0, 2.5),
    ]  # fmt: skip


def test_text_of_a_recording_without_words_is_all_of_it() -> None:
    assert shown(transcript(), "hei der") == [
        ("hei", 0.0, 5.0, 1.0, None), ("der", 5.0, 10.0, 1.0, None),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_blocks_rebuild_both_sequences(seed: int) -> None:
    chance = random.Random(seed)
    before = [str(chance.randrange(chance.choice([3, 50, 5000]))) for _ in range(700)]
    after = list(before)
    for _ in range(chance.randrange(60)):
        place = chance.randrange(len(after))
        after[place : place + chance.randrange(4)] = ["x"] * chance.randrange(3)
    first = begin = kept = 0
    for is_equal, low, high, other, end in compare(before, after):
        assert (low, other) == (first, begin)
        if is_equal:
            assert before[low:high] == after[other:end]
            kept += high - low
        first, begin = high, end
    assert (first, begin) == (len(before), len(after))
    assert kept > 400


def test_long_text_without_any_unique_words_is_not_compared() -> None:
    # Comparing it would take hours.
    assert compare(["a"] * 30_000, ["a", "b"] * 30_000) == [(False, 0, 30_000, 0, 60_000)]
