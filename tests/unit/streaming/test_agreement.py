"""Which words are emitted as stable, and how later hypotheses are made to begin with them."""

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


def stable_text(agreement: LocalAgreement) -> str:
    return " ".join(word.word for word in agreement.stable)


def test_word_is_stable_once_two_hypotheses_agree_and_audio_follows() -> None:
    agreement = LocalAgreement([NEAR])
    agreement.update(words("eg kjem"), 1.0)
    assert stable_text(agreement) == ""
    agreement.update(words("eg kjem"), 1.2)
    # "kjem" ends at 1.0 s, too close to the edge.
    assert stable_text(agreement) == "eg"
    agreement.update(words("eg kjem no"), 1.6)
    assert stable_text(agreement) == "eg kjem"


def test_two_hypotheses_in_quick_succession_count_as_one() -> None:
    agreement = LocalAgreement([NEAR])
    agreement.update(words("eg"), 1.0)
    agreement.update(words("eg"), 1.05)
    assert stable_text(agreement) == ""
    agreement.update(words("eg"), 1.2)
    assert stable_text(agreement) == "eg"


def test_close_competing_hypothesis_delays_a_word() -> None:
    agreement = LocalAgreement([NEAR])
    competing = [CompetingHypothesis(("eg", "kjem"), 0.0), CompetingHypothesis(("e", "kjem"), 4.9)]
    for seconds in (2.0, 2.2, 2.4):
        agreement.update(words("eg kjem"), seconds, competing)
    assert stable_text(agreement) == ""
    agreement.update(
        words("eg kjem"), 2.6, [*competing[:1], CompetingHypothesis(("e", "kjem"), 5.0)]
    )
    assert stable_text(agreement) == "eg kjem"


def test_competing_hypothesis_of_a_later_word_does_not_delay_the_first() -> None:
    agreement = LocalAgreement([NEAR])
    for seconds in (2.0, 2.2):
        agreement.update(words("eg kjem"), seconds, [CompetingHypothesis(("eg", "kom"), 1.0)])
    assert stable_text(agreement) == "eg"


def test_lasting_word_is_stable_despite_a_competing_hypothesis() -> None:
    agreement = LocalAgreement([NEAR, Stability(distance=1.0, lasting=0.75, margin=1.0)])
    competing = [CompetingHypothesis(("e",), 2.0)]
    for seconds in (1.5, 1.7, 1.9, 2.1):
        agreement.update(words("eg"), seconds, competing)
        assert stable_text(agreement) == ""
    agreement.update(words("eg"), 2.3, competing)
    assert stable_text(agreement) == "eg"


def test_interrupted_agreement_starts_again() -> None:
    agreement = LocalAgreement([NEAR])
    agreement.update(words("eg"), 1.0)
    agreement.update(words("e"), 1.2)
    agreement.update(words("eg"), 1.4)
    assert stable_text(agreement) == ""


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "c", "ab", "bc"]), max_size=8), min_size=1, max_size=30
    )
)
def test_stable_words_are_never_removed_or_changed(hypotheses: list[list[str]]) -> None:
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
    ("stable", "hypothesis", "expected"),
    [
        ("", "a b c", "a b c"),
        ("a b", "a b c d", "a b c d"),
        ("a b", "a x c d", "a b c d"),
        ("a b", "a", "a b"),
        ("a b", "", "a b"),
    ],
)
def test_hypothesis_is_made_to_begin_with_the_stable_words(
    stable: str, hypothesis: str, expected: str
) -> None:
    joined = join_stable(words(stable), words(hypothesis))
    assert " ".join(word.word for word in joined) == expected


def texts(found: Sequence[Word]) -> list[str]:
    return [word.word for word in found]


def test_joined_or_split_words_are_not_repeated() -> None:
    two = [Word("sjakk", 0.0, 0.5, 0.9), Word("mønster", 0.5, 1.0, 0.9)]
    one = [Word("sjakkmønster", 0.0, 1.0, 0.9), Word("som", 1.0, 1.3, 0.9)]
    assert texts(join_stable(two, one)) == ["sjakk", "mønster", "som"]
    assert texts(join_stable(one, [*two, Word("som", 1.0, 1.3, 0.9)])) == ["sjakkmønster", "som"]


def test_equal_words_take_the_new_times() -> None:
    joined = join_stable(words("a b"), words("a b c", start=0.1))
    assert [word.start for word in joined] == pytest.approx([0.1, 0.6, 1.1])
