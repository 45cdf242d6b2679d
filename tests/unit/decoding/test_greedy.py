"""Greedy CTC decoding: text, times and confidences, against a plain reference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decoding import Decoder, GreedyDecoder, Hypothesis
from app.vocabulary import Vocabulary

FRAME = 0.02
TOKENS = ("|", "a", "b", "ø", "ch", "[UNK]", "[PAD]", "<s>", "</s>")
VOCABULARY = Vocabulary(TOKENS, blank=6, delimiter=0, special=frozenset({5, 6, 7, 8}))
NO_DELIMITER = Vocabulary(("a", "b", "[UNK]", "[PAD]"), 3, None, frozenset({2, 3}))
INDEX = {token: index for index, token in enumerate(TOKENS)} | {"-": 6, "?": 5}


def emissions_of(path: list[int], width: int = len(TOKENS), peak: float = 0.9) -> np.ndarray:
    """Log-probabilities whose best token in each frame is the path's."""
    rest = (1 - peak) / (width - 1)
    probabilities = np.full((len(path), width), rest, dtype=np.float32)
    probabilities[np.arange(len(path)), path] = peak
    return np.log(probabilities)


def spell(*symbols: str) -> list[int]:
    return [INDEX[symbol] for symbol in symbols]


def decode(path: list[int], vocabulary: Vocabulary = VOCABULARY) -> Hypothesis:
    decoder: Decoder = GreedyDecoder(vocabulary)
    return decoder.decode(
        emissions_of(path, len(vocabulary)), frame_seconds=FRAME, duration=len(path) * FRAME
    )


def reference_text(emissions: np.ndarray, vocabulary: Vocabulary) -> str:
    """CTC collapse frame by frame, written without the decoder's code."""
    out = ""
    previous = None
    for row in emissions.tolist():
        best = max(range(len(row)), key=lambda index: (row[index], -index))
        if best not in (previous, vocabulary.blank):
            if best == vocabulary.delimiter:
                out += " "
            elif best not in vocabulary.special:
                out += vocabulary.tokens[best]
        previous = best
    return " ".join(out.split())


paths = st.lists(st.integers(0, len(TOKENS) - 1), max_size=60)


@st.composite
def emission_arrays(draw: st.DrawFn) -> np.ndarray:
    frames = draw(st.integers(0, 50))
    seed = draw(st.integers(0, 2**32 - 1))
    sharpness = draw(st.sampled_from([0.5, 3.0, 20.0]))
    logits = np.random.default_rng(seed).normal(size=(frames, len(TOKENS))) * sharpness
    logits[:, draw(st.integers(0, len(TOKENS) - 1))] += draw(st.sampled_from([0.0, sharpness]))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


@given(emission_arrays())
def test_text_equals_that_of_a_simple_reference(emissions: np.ndarray) -> None:
    hypothesis = GreedyDecoder(VOCABULARY).decode(
        emissions, frame_seconds=FRAME, duration=len(emissions) * FRAME
    )
    assert hypothesis.text == reference_text(emissions, VOCABULARY)
    assert hypothesis.text == " ".join(word.word for word in hypothesis.words)


@given(emission_arrays(), st.floats(0.001, 1.0), st.floats(0.0, 1.5))
def test_times_are_monotone_and_inside_the_audio(
    emissions: np.ndarray, frame_seconds: float, share: float
) -> None:
    duration = share * len(emissions) * frame_seconds
    words = (
        GreedyDecoder(VOCABULARY)
        .decode(emissions, frame_seconds=frame_seconds, duration=duration)
        .words
    )
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(0 <= time <= duration for time in times)
    assert all(0 <= word.confidence <= 1 for word in words)


@given(emission_arrays())
def test_same_emissions_give_the_same_hypothesis(emissions: np.ndarray) -> None:
    before = emissions.copy()
    first, second = (
        GreedyDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=1.0)
        for _ in range(2)
    )
    assert first == second
    np.testing.assert_array_equal(emissions, before)


@given(paths, st.integers(0, 20), st.integers(0, 20))
def test_blank_frames_around_the_speech_do_not_change_the_text(
    path: list[int], before: int, after: int
) -> None:
    blank = VOCABULARY.blank
    padded = decode([blank] * before + path + [blank] * after)
    plain = decode(path)
    assert padded.text == plain.text
    for moved, word in zip(padded.words, plain.words, strict=True):
        assert moved.start == pytest.approx(word.start + before * FRAME)


@given(paths, st.data())
def test_blank_inserted_into_a_run_of_blanks_does_not_change_the_text(
    path: list[int], data: st.DataObject
) -> None:
    blank = VOCABULARY.blank
    path = [*path, blank]
    places = [i for i, token in enumerate(path) if token == blank]
    at = data.draw(st.sampled_from(places))
    assert decode([*path[:at], blank, *path[at:]]).text == decode(path).text


def test_words_have_the_frames_of_their_characters() -> None:
    path = spell("-", "a", "a", "-", "b", "|", "|", "-", "ø", "ø", "ø", "-")
    words = decode(path).words
    assert [word.word for word in words] == ["ab", "ø"]
    assert (words[0].start, words[0].end) == pytest.approx((1 * FRAME, 5 * FRAME))
    assert (words[1].start, words[1].end) == pytest.approx((8 * FRAME, 11 * FRAME))


def test_word_ends_with_the_audio_not_with_the_last_frame() -> None:
    word = (
        GreedyDecoder(VOCABULARY)
        .decode(emissions_of(spell("a", "a", "a")), frame_seconds=FRAME, duration=0.05)
        .words[0]
    )
    assert word.end == 0.05


@pytest.mark.parametrize(
    ("symbols", "text"),
    [
        ("a a a", "a"),
        ("a - a", "aa"),
        ("a ? a", "aa"),
        ("a <s> b </s>", "ab"),
        ("? a ?", "a"),
        ("| | a | - | b | |", "a b"),
        ("a ? | ? b", "a b"),
        ("ch - ch a", "chcha"),
        ("| - ? <s> |", ""),
        ("-", ""),
        ("a", "a"),
    ],
)
def test_repeats_collapse_and_blanks_are_dropped(symbols: str, text: str) -> None:
    assert decode(spell(*symbols.split())).text == text


def test_vocabulary_without_delimiter_gives_one_word() -> None:
    hypothesis = decode([3, 0, 3, 1, 2, 1, 3], NO_DELIMITER)
    assert [word.word for word in hypothesis.words] == ["abb"]


def test_white_space_tokens_separate_words_and_empty_tokens_are_ignored() -> None:
    vocabulary = Vocabulary((" ", "a", "", "[PAD]"), 3, None, frozenset({3}))
    assert decode([1, 0, 2, 1, 2], vocabulary).text == "a a"


def test_confidence_is_the_geometric_mean_of_the_peaks() -> None:
    emissions = emissions_of(spell("a", "a", "b"))
    emissions[0, INDEX["a"]] = math.log(0.5)
    emissions[1, INDEX["a"]] = math.log(0.8)
    emissions[2, INDEX["b"]] = math.log(0.2)
    word = GreedyDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=1).words[0]
    assert word.confidence == pytest.approx(math.sqrt(0.8 * 0.2), rel=1e-6)


def test_confidence_of_a_later_word_is_the_mean_of_its_own_characters() -> None:
    emissions = emissions_of(spell("a", "|", "a", "b", "a"))
    emissions[2, INDEX["a"]] = math.log(0.5)
    emissions[3, INDEX["b"]] = math.log(0.4)
    found = GreedyDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=1)
    assert [word.confidence for word in found.words] == pytest.approx(
        [0.9, (0.5 * 0.4 * 0.9) ** (1 / 3)]
    )


def test_confidence_of_unnormalised_emissions_is_at_most_1() -> None:
    emissions = emissions_of(spell("a", "b")) + np.float32(0.5)
    found = GreedyDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=1)
    assert [word.confidence for word in found.words] == [1.0]


def test_score_is_the_log_probability_of_the_path() -> None:
    assert decode(spell("a", "-", "b")).score == pytest.approx(3 * math.log(0.9), rel=1e-6)


def test_no_frames_give_an_empty_hypothesis() -> None:
    empty = np.empty((0, len(TOKENS)), dtype=np.float32)
    hypothesis = GreedyDecoder(VOCABULARY).decode(empty, frame_seconds=FRAME, duration=0.0)
    assert hypothesis == Hypothesis("", (), 0.0)


def test_hundred_thousand_frames_are_decoded_at_once() -> None:
    path = spell("a", "-", "b", "|") * 25_000
    hypothesis = decode(path)
    assert len(hypothesis.words) == 25_000
    assert hypothesis.words[-1].end == pytest.approx((len(path) - 1) * FRAME)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("token", [0, 3, 8])
def test_values_that_are_not_finite_are_refused(value: float, token: int) -> None:
    emissions = emissions_of(spell("a", "b", "-"))
    emissions[1, token] = value
    with pytest.raises(ValueError, match="frame 1"):
        GreedyDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=1.0)


def test_frame_without_probability_is_refused() -> None:
    emissions = emissions_of(spell("a", "b"))
    emissions[0] = -math.inf
    with pytest.raises(ValueError, match="frame 0"):
        GreedyDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=1.0)


def test_tokens_of_probability_0_are_accepted() -> None:
    emissions = np.full((2, len(TOKENS)), -math.inf, dtype=np.float32)
    emissions[:, INDEX["a"]] = 0.0
    word = GreedyDecoder(VOCABULARY).decode(emissions, frame_seconds=FRAME, duration=1.0).words[0]
    assert (word.word, word.confidence) == ("a", 1.0)


@pytest.mark.parametrize("shape", [(3, 8), (3, 10), (9,), (1, 3, 9)])
def test_wrong_shape_is_refused_and_the_right_one_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be \[frames, 9\]"):
        GreedyDecoder(VOCABULARY).decode(
            np.zeros(shape, dtype=np.float32), frame_seconds=FRAME, duration=1.0
        )


@pytest.mark.parametrize(
    ("frame_seconds", "duration"), [(0, 1), (-1, 1), (0.02, -1), (0.02, math.nan)]
)
def test_invalid_durations_are_refused(frame_seconds: float, duration: float) -> None:
    with pytest.raises(ValueError, match=r"must be (above )?0"):
        GreedyDecoder(VOCABULARY).decode(
            emissions_of([1]), frame_seconds=frame_seconds, duration=duration
        )
