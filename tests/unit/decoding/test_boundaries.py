"""Word boundaries from the frames that words are emitted in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decoding.calibration import FRAMES_ONLY, GENERAL_RULE, BoundaryRule, place_words

RULE = BoundaryRule(
    gaps=(0.1, 0.3), leads=(0.02, 0.06), tails=(0.04, 0.1),
    letter_leads={"s": 0.01}, letter_tails={"a": -0.03},
)  # fmt: skip


def placed(
    spans: list[tuple[float, float]], words: list[str], rule: BoundaryRule, duration: float = 9.0
) -> list[tuple[float, float]]:
    first, past = np.array(spans).reshape(-1, 2).T
    starts, ends = place_words(first, past, words, duration=duration, rule=rule)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def test_words_without_a_rule_last_from_first_to_last_frame() -> None:
    spans = [(0.5, 0.6), (0.6, 0.62), (2.0, 3.0)]
    assert placed(spans, ["a", "b", "c"], FRAMES_ONLY) == spans


def test_first_and_last_word_reach_as_far_as_after_the_longest_gap() -> None:
    [(start, end)] = placed([(1.0, 1.2)], ["by"], RULE)
    assert (start, end) == pytest.approx((0.94, 1.3))


@pytest.mark.parametrize(
    ("gap", "lead", "tail"),
    [(0.05, 0.02, 0.04), (0.1, 0.02, 0.04), (0.2, 0.04, 0.07), (1, 0.06, 0.1)],
)
def test_reach_is_interpolated_between_gaps_and_constant_beyond(
    gap: float, lead: float, tail: float
) -> None:
    left, right = placed([(1.0, 1.5), (1.5 + gap, 3.0)], ["by", "by"], RULE)
    if lead + tail <= gap:
        assert left[1] == pytest.approx(1.5 + tail)
        assert right[0] == pytest.approx(1.5 + gap - lead)
    else:
        meeting = (1.5 + tail + 1.5 + gap - lead) / 2
        assert left[1] == right[0] == pytest.approx(meeting)


def test_first_letter_moves_the_start_and_last_letter_the_end() -> None:
    [(start, end)] = placed([(1.0, 1.2)], ["sa"], RULE)
    assert (start, end) == pytest.approx((0.93, 1.27))
    [(start, end)] = placed([(1.0, 1.2)], ["sna"], RULE)
    assert (start, end) == pytest.approx((0.93, 1.27))
    [(start, end)] = placed([(1.0, 1.2)], ["as"], RULE)
    assert (start, end) == pytest.approx((0.94, 1.3))


def test_word_contains_the_middle_of_its_frames_under_any_rule() -> None:
    shrinking = BoundaryRule(leads=(-5.0,), tails=(-5.0,))
    assert placed([(1.0, 1.2)], ["by"], shrinking) == [(pytest.approx(1.1), pytest.approx(1.1))]
    growing = BoundaryRule(leads=(5.0,), tails=(0.0,))
    left, right = placed([(1.0, 2.0), (4.0, 5.0)], ["by", "by"], growing)
    assert left[1] == right[0] == pytest.approx(1.5)
    spans = [(1.0, 2.0), (4.0, 5.0), (7.0, 8.0), (9.0, 9.2)]
    times = placed(spans, ["by"] * 4, growing, duration=20.0)
    assert [end for _, end in times[:3]] == pytest.approx([1.5, 4.5, 7.5])
    shifted = BoundaryRule(leads=(-5.0,), tails=(5.0,))
    times = placed(spans, ["by"] * 4, shifted, duration=20.0)
    assert [end for _, end in times[:3]] == pytest.approx([4.5, 7.5, 9.1])


def test_boundaries_depend_on_the_two_neighbours_alone() -> None:
    spans = [(1.0, 1.5), (1.55, 2.0), (2.25, 2.5), (2.9, 3.5)]
    words = ["bys", "sna", "alas", "sto"]
    together = placed(spans, words, RULE)
    for index in range(3):
        left, right = placed(spans[index : index + 2], words[index : index + 2], RULE)
        assert together[index][1] == pytest.approx(left[1])
        assert together[index + 1][0] == pytest.approx(right[0])


def test_general_rule_starts_words_18_ms_earlier_and_ends_them_40_ms_later() -> None:
    assert placed([(1.0, 1.2)], ["by"], GENERAL_RULE) == [
        (pytest.approx(0.982), pytest.approx(1.24))
    ]
    left, right = placed([(1.0, 1.2), (1.2, 1.5)], ["by", "by"], GENERAL_RULE)
    assert left[1] == right[0] == pytest.approx(1.2)
    left, right = placed([(1.0, 1.2), (1.26, 1.5)], ["by", "by"], GENERAL_RULE)
    assert (left[1], right[0]) == pytest.approx((1.236, 1.242))


def test_times_are_cut_to_the_audio() -> None:
    assert placed([(0.01, 0.2)], ["by"], RULE, duration=0.21) == [(0.0, 0.21)]


def test_boundaries_of_no_words_are_empty() -> None:
    assert placed([], [], RULE) == []


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), max_size=8),
    st.sampled_from([FRAMES_ONLY, GENERAL_RULE, RULE]),
)
def test_times_ascend_without_overlap_within_the_audio(
    frames: list[tuple[int, int]], rule: BoundaryRule
) -> None:
    spans, at = [], 0
    for gap, length in frames:
        spans.append(((at + gap) * 0.02, (at + gap + length) * 0.02))
        at += gap + length
    duration = at * 0.02
    times = [t for word in placed(spans, ["sa"] * len(spans), rule, duration) for t in word]
    assert times == sorted(times)
    assert all(0 <= time <= duration for time in times)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gaps": (), "leads": (), "tails": ()}, "at least one"),
        ({"gaps": (0.0, 1.0)}, "as many"),
        ({"leads": (0.0, 1.0)}, "as many"),
        ({"tails": (0.0, 1.0)}, "as many"),
        ({"gaps": (1.0, 1.0), "leads": (0.0, 0.0), "tails": (0.0, 0.0)}, "ascend"),
        ({"gaps": (0.0, 2.0, 1.0), "leads": (0.0,) * 3, "tails": (0.0,) * 3}, "ascend"),
        ({"gaps": (float("inf"),)}, "finite"),
        ({"leads": (float("nan"),)}, "finite"),
        ({"tails": (float("inf"),)}, "finite"),
        ({"letter_leads": {"a": float("nan")}}, "finite"),
        ({"letter_tails": {"a": float("nan")}}, "finite"),
    ],
)
def test_invalid_rule_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoundaryRule(**wrong)  # type: ignore[arg-type]
