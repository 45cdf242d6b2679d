"""Which language is detected: probabilities, pieces of speech, and the joined transcript."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audio import SAMPLE_RATE, Recording, Span
from app.contract.answers import Timing, Transcript, Word
from app.contract.languages import DetectedLanguage, detection_mode
from app.contract.segments import segment_words
from app.decoding import SpeechScore
from app.itn import FormattingOptions
from app.pipeline.channels import join_channels
from app.pipeline.detection.joining import (
    in_language,
    join_parts,
    mean_languages,
    with_languages,
)
from app.pipeline.detection.pieces import (
    MIN_SECONDS,
    Piece,
    first_speech,
    language_runs,
    speech_pieces,
)
from app.pipeline.detection.probabilities import language_probabilities, smoothed
from app.pipeline.text import with_formatting

DA, NB = DetectedLanguage("da", "m-da", 0.9), DetectedLanguage("nb", "m-nb", 0.1)
TIMING = Timing(0.1, 0.0, 0.2, 0.3, 0.0)


def seconds(*spans: tuple[float, float]) -> list[Span]:
    return [Span(round(start * SAMPLE_RATE), round(stop * SAMPLE_RATE)) for start, stop in spans]


def transcript(text: str, language: str, duration: float, *, formatted: bool = False) -> Transcript:
    words = tuple(
        Word(word, 0.5 * index, 0.5 * index + 0.4, 0.8) for index, word in enumerate(text.split())
    )
    plain = Transcript(
        text=text,
        words=words,
        segments=segment_words(words),
        confidence=0.8,
        language=language,
        model=f"m-{language}",
        duration=duration,
        decoder="beam",
        lm="default",
        audio=None,
        warnings=(),
        timing=TIMING,
        request_id="r",
    )
    if not formatted:
        return plain
    written = tuple(replace(word, word=word.word.capitalize()) for word in words)
    return replace(
        plain,
        formatted_text=" ".join(word.word for word in written),
        formatted_words=written,
        formatted_segments=segment_words(written),
    )


@pytest.mark.parametrize("given", ["auto", " AUTO ", "auto-each", "auto_each", "Auto-Each"])
def test_options_that_have_the_language_detected(given: str) -> None:
    assert detection_mode(given) == given.strip().lower().replace("_", "-")


@pytest.mark.parametrize("given", [None, "", "nb", "automatic", "auto-both", "und"])
def test_other_languages_are_not_detected(given: str | None) -> None:
    assert detection_mode(given) is None


def score(
    deviation: float | None, *, plain: float = 0.0, confidence: float = 0.5, decoder: str = "beam"
) -> SpeechScore:
    return SpeechScore(decoder, plain, deviation, confidence)


def test_best_score_has_the_highest_probability_and_longer_speech_a_higher_one() -> None:
    # Far from their usual scale, plain scores mean nothing.
    scores = [score(-0.5, plain=-90.0), score(-6.0, plain=-1.0), score(-3.0, plain=-2.0)]
    short, long = (language_probabilities(scores, length) for length in (1.0, 20.0))
    assert short.argmax() == long.argmax() == 0
    assert short.sum() == pytest.approx(1.0)
    assert 0.5 < short[0] < long[0] < 1.0
    assert list(np.argsort(-short)) == [0, 2, 1]


def test_plain_scores_decide_where_a_model_has_no_scale() -> None:
    found = language_probabilities([score(-9.0, plain=-4.0), score(None, plain=-12.0)], 5.0)
    assert found[0] > 0.9


def test_confidences_alone_decide_between_different_decoders() -> None:
    scores = [
        score(None, plain=-12.0, confidence=0.9, decoder="beam+lm"),
        score(None, plain=-4.0, confidence=0.4, decoder="greedy"),
    ]
    assert language_probabilities(scores, 5.0)[0] > 0.9


def test_single_language_is_certain_and_no_speech_decides_nothing() -> None:
    assert language_probabilities([score(-30.0)], 5.0).tolist() == [1.0]
    assert language_probabilities([score(-1.0), score(-9.0)], 0.0).tolist() == [0.5, 0.5]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["beam+lm", "greedy"]),
            st.floats(-1e6, 1e6),
            st.one_of(st.none(), st.floats(-1e6, 1e6)),
            st.floats(0, 1),
        ),
        min_size=1,
        max_size=5,
    ),
    st.floats(0, 1e5),
)
def test_probabilities_add_up_to_one(
    scores: list[tuple[str, float, float | None, float]], length: float
) -> None:
    found = language_probabilities([SpeechScore(*score) for score in scores], length)
    assert found.sum() == pytest.approx(1.0)
    assert (found > 0).all()


def test_doubtful_utterance_takes_the_language_of_its_neighbours() -> None:
    clear, doubtful = np.array([0.98, 0.02]), np.array([0.35, 0.65])
    found = smoothed([clear, doubtful, clear])
    assert [int(each.argmax()) for each in found] == [0, 0, 0]
    assert found[1][0] < found[0][0]
    assert smoothed([]) == []


def test_clear_utterance_between_others_keeps_its_language() -> None:
    clear, other = np.array([0.98, 0.02]), np.array([0.01, 0.99])
    found = smoothed([clear, clear, other, clear])
    assert [int(each.argmax()) for each in found] == [0, 0, 1, 0]
    assert all(each.sum() == pytest.approx(1.0) for each in found)


def test_first_speech_is_cut_at_its_limit() -> None:
    spans = seconds((1, 11), (20, 40), (50, 60))
    assert list(first_speech(spans, 30.0)) == seconds((1, 11), (20, 40))
    assert list(first_speech(spans, 12.0)) == seconds((1, 11), (20, 22))
    assert first_speech([], 30.0) == ()


def test_short_utterance_joins_the_neighbour_across_the_shorter_pause() -> None:
    after, before = seconds((0, 5), (5.2, 6), (9, 14)), seconds((0, 5), (8, 9), (9.2, 14))
    assert [piece.spans for piece in speech_pieces(after)] == [
        tuple(after[:2]),
        tuple(after[2:]),
    ]
    assert [piece.spans for piece in speech_pieces(before)] == [
        tuple(before[:1]),
        tuple(before[1:]),
    ]


@given(st.lists(st.tuples(st.floats(0.1, 6), st.floats(0.1, 3)), max_size=12))
def test_pieces_keep_every_utterance_in_order(lengths: list[tuple[float, float]]) -> None:
    spans, at = [], 0.0
    for length, pause in lengths:
        spans += seconds((at, at + length))
        at += length + pause
    pieces = speech_pieces(spans)
    assert [span for piece in pieces for span in piece.spans] == spans
    if len(pieces) > 1:
        assert all(piece.seconds >= MIN_SECONDS - 1e-3 for piece in pieces)


def test_runs_make_up_the_whole_recording() -> None:
    pieces = [Piece(tuple(seconds(span))) for span in ((1, 5), (6, 10), (12, 16), (17, 20))]
    runs = language_runs(pieces, [0, 0, 1, 0], 22 * SAMPLE_RATE)
    assert [run.span for run in runs] == seconds((0, 11), (11, 16.5), (16.5, 22))
    assert [(run.language, run.first, run.last) for run in runs] == [
        (0, 0, 1),
        (1, 2, 2),
        (0, 3, 3),
    ]
    assert all(one.span.stop == other.span.start for one, other in pairwise(runs))


def test_parts_are_joined_with_their_times_and_languages() -> None:
    first = in_language(transcript("ja det", "da", 3.0, formatted=True), DA)
    second = in_language(
        transcript("eg er", "nn", 2.0, formatted=True), DetectedLanguage("nn", "m-nn", 0.7)
    )
    joined = join_parts([(0.0, first), (3.0, second)], 5.0)
    assert joined.text == "ja det eg er"
    assert joined.formatted_text == "Ja Det Eg Er"
    assert [word.start for word in joined.words] == [0.0, 0.5, 3.0, 3.5]
    assert [(s.id, s.language) for s in joined.segments] == [(0, "da"), (1, "nn")]
    assert [s.start for s in joined.segments] == [0.0, 3.0]
    assert [s.language for s in joined.formatted_segments or ()] == ["da", "nn"]
    assert (joined.duration, joined.timing.encode) == (5.0, pytest.approx(0.4))
    body = json.loads(with_languages(joined, [DA, NB]).to_json())
    assert (body["language"], body["language_probability"], body["model"]) == ("da", 0.9, "m-da")
    assert body["languages"][1] == {"language": "nb", "model": "m-nb", "probability": 0.1}
    assert body["segments"][1]["language_probability"] == 0.7
    assert [word["language"] for word in body["words"]] == ["da", "da", "nn", "nn"]


def test_words_of_two_languages_are_formatted_by_the_rules_of_each() -> None:
    danish = in_language(transcript("halvtreds kroner", "da", 3.0), DA)
    other = in_language(transcript("femti kroner", "nb", 3.0), NB)
    joined = join_parts([(0.0, danish), (3.0, other)], 6.0)
    written = with_formatting(joined, FormattingOptions())
    assert written.formatted_text == "50 kroner. 50 kroner."
    assert [s.language for s in written.formatted_segments or ()] == ["da", "nb"]


def test_segment_ends_where_the_language_changes() -> None:
    words = [Word("ja", 0.0, 0.4, 0.9, None, "da"), Word("ja", 0.5, 0.9, 0.9, None, "nb")]
    assert [(s.text, s.language) for s in segment_words(words)] == [("ja", "da"), ("ja", "nb")]


def test_languages_of_parts_are_weighted_by_their_speech() -> None:
    other = (replace(NB, probability=0.8), replace(DA, probability=0.2))
    found = mean_languages([(3.0, (DA, NB)), (1.0, other)])
    assert [item.language for item in found] == ["da", "nb"]
    assert found[0].probability == pytest.approx(0.75 * 0.9 + 0.25 * 0.2)
    assert mean_languages([(0.0, (DA, NB))]) == (DA, NB)


def test_segments_of_channels_in_two_languages_name_theirs() -> None:
    danish = with_languages(transcript("ja det er det", "da", 4.0), [DA, NB])
    other = with_languages(
        transcript("nei", "nb", 4.0), [replace(NB, probability=0.8), replace(DA, probability=0.2)]
    )
    joined = join_channels([danish, other])
    assert joined.language == "da"
    assert {(s.speaker, s.language) for s in joined.segments} == {
        ("channel 0", "da"),
        ("channel 1", "nb"),
    }
    assert joined.languages is not None
    assert joined.languages[0].probability == joined.language_probability


def test_answer_without_detection_has_none_of_its_fields() -> None:
    body = json.loads(transcript("ja", "da", 1.0).to_json())
    assert not {"language_probability", "languages"} & body.keys()
    assert not {"language", "language_probability"} & body["segments"][0].keys()
    assert "detect_language" not in body["timing"]


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 300)), max_size=5),
    st.integers(0, 400),
    st.integers(0, 400),
)
def test_excerpt_has_the_samples_of_its_spans(
    parts: Sequence[tuple[int, int]], first: int, length: int
) -> None:
    samples = np.sin(np.arange(1000, dtype=np.float32))
    recording = Recording.from_samples(samples)
    spans = [Span(start, min(1000, start + count)) for start, count in parts]
    excerpt = recording.excerpt(spans)
    expected = np.concatenate(
        [np.zeros(0, np.float32), *(samples[span.start : span.stop] for span in spans)]
    )
    assert excerpt.samples == len(expected)
    np.testing.assert_array_equal(excerpt.slice(0, len(expected)), expected)
    start = min(first, len(expected))
    stop = min(start + length, len(expected))
    np.testing.assert_array_equal(excerpt.slice(start, stop), expected[start:stop])
    if len(expected):
        whole = recording.slice(0, 1000, normalise=True)
        normalised = np.concatenate([whole[span.start : span.stop] for span in spans])
        np.testing.assert_allclose(
            excerpt.slice(0, len(expected), normalise=True), normalised, rtol=1e-5, atol=1e-6
        )
    excerpt.close()
    assert recording.slice(0, 1).shape == (1,)
