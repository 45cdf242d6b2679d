"""Words to segments: cut at pauses, never too long, nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decoding import segment_words
from app.transcript import Word


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
def test_every_word_is_in_one_segment_and_no_rule_is_broken(
    words: list[Word], max_pause: float, max_seconds: float
) -> None:
    segments = segment_words(words, max_pause=max_pause, max_seconds=max_seconds)
    assert [word for segment in segments for word in segment.words] == words
    for segment in segments:
        assert segment.text == " ".join(word.text for word in segment.words)
        assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)
        assert 0 <= segment.confidence <= 1
        assert len(segment.words) == 1 or segment.end - segment.start <= max_seconds
        pairs = zip(segment.words, segment.words[1:], strict=False)
        assert all(after.start - before.end <= max_pause for before, after in pairs)


def test_segments_end_at_pauses() -> None:
    segments = segment_words(words_at((0, 1), (1.5, 2), (2.7, 3)), max_pause=0.6)
    assert [segment.text for segment in segments] == ["w0 w1", "w2"]
    assert (segments[0].start, segments[0].end) == (0, 2)


def test_a_pause_of_just_the_limit_does_not_end_a_segment() -> None:
    assert len(segment_words(words_at((0, 1), (1.5, 2)), max_pause=0.5)) == 1


def test_a_long_stretch_is_cut_at_its_longest_late_pause() -> None:
    words = words_at((0, 2), (2.5, 4), (4.1, 6), (6.4, 8), (8.1, 10), (10.1, 11))
    segments = segment_words(words, max_pause=1, max_seconds=10)
    assert [segment.text for segment in segments] == ["w0 w1 w2", "w3 w4 w5"]


def test_a_word_longer_than_allowed_stays_whole() -> None:
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
