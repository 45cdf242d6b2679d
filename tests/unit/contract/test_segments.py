"""Words to segments: cut at pauses, never too long, nothing lost."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract.answers import Word
from app.contract.segments import segment_words, words_of_segments


def words_at(*spans: tuple[float, float]) -> list[Word]:
    return [Word(f"w{i}", start, end, 0.5) for i, (start, end) in enumerate(spans)]


@st.composite
def word_lists(draw: st.DrawFn) -> list[Word]:
    now = 0.0
    words = []
    gaps = st.one_of(st.just(0.0), st.floats(0, 2))
    for index in range(draw(st.integers(0, 40))):
        start = now + draw(gaps)
        now = start + draw(st.floats(0, 3))
        words.append(Word(f"w{index}", start, now, draw(st.floats(0, 1))))
    return words


@given(word_lists(), st.floats(0, 1), st.floats(0.5, 10))
def test_every_word_is_in_one_segment_within_the_limits(
    words: list[Word], max_pause: float, max_seconds: float
) -> None:
    segments = segment_words(words, max_pause=max_pause, max_seconds=max_seconds)
    groups = words_of_segments(segments, words)
    assert [word for group in groups for word in group] == words
    assert [segment.id for segment in segments] == list(range(len(segments)))
    for segment, group in zip(segments, groups, strict=True):
        assert segment.text == " ".join(word.word for word in group)
        assert (segment.start, segment.end) == (group[0].start, group[-1].end)
        assert 0 <= segment.confidence <= 1
        assert len(group) == 1 or segment.end - segment.start <= max_seconds
        assert all(after.start - before.end <= max_pause for before, after in pairwise(group))


def test_segments_end_at_pauses() -> None:
    segments = segment_words(words_at((0, 1), (1.5, 2), (2.7, 3)), max_pause=0.6)
    assert [segment.text for segment in segments] == ["w0 w1", "w2"]
    assert (segments[0].start, segments[0].end) == (0, 2)


def test_pause_of_exactly_the_limit_does_not_end_a_segment() -> None:
    assert len(segment_words(words_at((0, 1), (1.5, 2)), max_pause=0.5)) == 1


def test_long_segment_is_cut_at_its_longest_late_pause() -> None:
    words = words_at((0, 2), (2.5, 4), (4.1, 6), (6.4, 8), (8.1, 10), (10.1, 11))
    segments = segment_words(words, max_pause=1, max_seconds=10)
    assert [segment.text for segment in segments] == ["w0 w1 w2", "w3 w4 w5"]


def test_word_longer_than_the_limit_stays_whole() -> None:
    segments = segment_words(words_at((0, 50), (50.1, 51)), max_seconds=10)
    assert [segment.text for segment in segments] == ["w0", "w1"]


def test_confidence_is_the_mean_of_the_words() -> None:
    words = [Word("a", 0, 1, 0.2), Word("b", 1, 2, 0.8)]
    assert segment_words(words)[0].confidence == pytest.approx(0.5)


def test_no_words_give_no_segments() -> None:
    assert segment_words([]) == ()


@pytest.mark.parametrize(("max_pause", "max_seconds"), [(-0.1, 10), (0.5, 0), (float("nan"), 10)])
def test_impossible_limits_are_refused(max_pause: float, max_seconds: float) -> None:
    with pytest.raises(ValueError, match="must be 0 or more"):
        segment_words([], max_pause=max_pause, max_seconds=max_seconds)


def test_edited_segment_text_takes_the_words_before_the_next_segment() -> None:
    words = words_at((0, 1), (1.1, 2), (3, 4))
    first, second = segment_words(words)
    groups = words_of_segments([replace(first, text="corrected"), second], words)
    assert groups == ((words[0], words[1]), (words[2],))


def test_words_with_spaces_or_without_characters_stay_in_their_segment() -> None:
    words = [Word(text, i, i + 0.9, 0.5) for i, text in enumerate(["", "kl. 7", "", "ja", ""])]
    segments = segment_words(words, max_seconds=2)
    assert [word for group in words_of_segments(segments, words) for word in group] == words


def test_segments_of_an_answer_without_words_are_empty() -> None:
    segments = segment_words(words_at((0, 1), (3, 4)))
    assert words_of_segments(segments, ()) == ((), ())
