"""Which words are told as stable, and how later hypotheses are made to begin with them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract.answers import Word
from app.streaming.hypotheses import CompetingHypothesis, LocalAgreement, Stability, join_stable

NEAR = Stability(distance=0.25, lasting=0.15, margin=5.0)


def words(text: str, *, start: float = 0.0, each: float = 0.5) -> list[Word]:
    """Words of half a second, one right after the other."""
    return [
        Word(part, start + index * each, start + (index + 1) * each, 0.9)
        for index, part in enumerate(text.split())
    ]


def told(agreement: LocalAgreement) -> str:
    return " ".join(word.word for word in agreement.stable)


def test_a_word_is_stable_once_two_hypotheses_agree_and_audio_went_on() -> None:
    agreement = LocalAgreement([NEAR])
    agreement.update(words("eg kjem"), 1.0)
    assert told(agreement) == ""
    agreement.update(words("eg kjem"), 1.2)
    # "kjem" ends at 1.0 s, too close to the edge.
    assert told(agreement) == "eg"
    agreement.update(words("eg kjem no"), 1.6)
    assert told(agreement) == "eg kjem"


def test_a_hypothesis_right_after_another_does_not_count_for_two() -> None:
    agreement = LocalAgreement([NEAR])
    agreement.update(words("eg"), 1.0)
    agreement.update(words("eg"), 1.05)
    assert told(agreement) == ""
    agreement.update(words("eg"), 1.2)
    assert told(agreement) == "eg"


def test_a_rival_that_is_nearly_as_good_holds_a_word_back() -> None:
    agreement = LocalAgreement([NEAR])
    rivals = [CompetingHypothesis(("eg", "kjem"), 0.0), CompetingHypothesis(("e", "kjem"), 4.9)]
    for heard in (2.0, 2.2, 2.4):
        agreement.update(words("eg kjem"), heard, rivals)
    assert told(agreement) == ""
    agreement.update(words("eg kjem"), 2.6, [*rivals[:1], CompetingHypothesis(("e", "kjem"), 5.0)])
    assert told(agreement) == "eg kjem"


def test_a_rival_of_a_later_word_does_not_hold_back_the_first() -> None:
    agreement = LocalAgreement([NEAR])
    for heard in (2.0, 2.2):
        agreement.update(words("eg kjem"), heard, [CompetingHypothesis(("eg", "kom"), 1.0)])
    assert told(agreement) == "eg"


def test_a_word_that_lasts_is_stable_in_spite_of_a_rival() -> None:
    agreement = LocalAgreement([NEAR, Stability(distance=1.0, lasting=0.75, margin=1.0)])
    rivals = [CompetingHypothesis(("e",), 2.0)]
    for heard in (1.5, 1.7, 1.9, 2.1):
        agreement.update(words("eg"), heard, rivals)
        assert told(agreement) == ""
    agreement.update(words("eg"), 2.3, rivals)
    assert told(agreement) == "eg"


def test_an_interruption_starts_the_count_anew() -> None:
    agreement = LocalAgreement([NEAR])
    agreement.update(words("eg"), 1.0)
    agreement.update(words("e"), 1.2)
    agreement.update(words("eg"), 1.4)
    assert told(agreement) == ""


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "c", "ab", "bc"]), max_size=8), min_size=1, max_size=30
    )
)
def test_stable_words_only_ever_grow(hypotheses: list[list[str]]) -> None:
    agreement = LocalAgreement()
    stable: list[str] = []
    for step, texts in enumerate(hypotheses):
        joined = agreement.update(words(" ".join(texts)), 1.0 + 0.2 * step)
        now = [word.word for word in agreement.stable]
        assert now[: len(stable)] == stable
        assert [word.word for word in joined][: len(now)] == now
        assert all(word.start < word.end for word in joined)
        stable = now


@pytest.mark.parametrize(
    ("stable", "heard", "expected"),
    [
        ("", "a b c", "a b c"),
        ("a b", "a b c d", "a b c d"),
        ("a b", "a x c d", "a b c d"),
        ("a b", "a", "a b"),
        ("a b", "", "a b"),
    ],
)
def test_a_hypothesis_is_bent_to_begin_with_what_was_told(
    stable: str, heard: str, expected: str
) -> None:
    joined = join_stable(words(stable), words(heard))
    assert " ".join(word.word for word in joined) == expected


def texts(found: Sequence[Word]) -> list[str]:
    return [word.word for word in found]


def test_words_that_were_joined_or_split_meanwhile_are_not_said_twice() -> None:
    two = [Word("sjakk", 0.0, 0.5, 0.9), Word("mønster", 0.5, 1.0, 0.9)]
    one = [Word("sjakkmønster", 0.0, 1.0, 0.9), Word("som", 1.0, 1.3, 0.9)]
    assert texts(join_stable(two, one)) == ["sjakk", "mønster", "som"]
    assert texts(join_stable(one, [*two, Word("som", 1.0, 1.3, 0.9)])) == ["sjakkmønster", "som"]


def test_new_times_are_taken_where_the_words_are_the_same() -> None:
    joined = join_stable(words("a b"), words("a b c", start=0.1))
    assert [word.start for word in joined] == pytest.approx([0.1, 0.6, 1.1])
