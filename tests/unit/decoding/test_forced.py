"""Forced alignment of a written text: what is found, where, and what is not."""

import resource
import sys

import numpy as np
import pytest
from aligned import align, frames
from spoken import FRAME, VOCABULARY, random_words, spoken

from app.contract.answers import AlignedWord
from app.decoding import forced
from app.decoding.forced import align_text
from app.vocabulary import Vocabulary


def test_aligned_words_keep_their_spelling_and_have_times() -> None:
    emissions, spans = spoken(["hei", "du", "der", "ute"])
    words = align(emissions, "«Hei»,  du der\n– ute!")
    assert [word.word for word in words] == ["«Hei»,", "du", "der –", "ute!"]
    assert [frames(word) for word in words] == spans
    assert all(word.found and word.score == pytest.approx(0.97, abs=0.01) for word in words)


def test_words_are_found_from_the_first_frame_to_the_last() -> None:
    emissions, [(first, past)] = spoken(["hei"])
    (word,) = align(emissions[first:past], "hei")
    assert frames(word) == (0, past - first)
    assert word.score == pytest.approx(0.97, abs=0.01)


def test_characters_tile_their_word() -> None:
    emissions, spans = spoken(["hei"])
    (word,) = align(emissions, "(Hei)")
    assert [part.text for part in word.characters] == ["H", "e", "i"]
    times = [time for part in word.characters for time in (part.start, part.end)]
    assert times[0] == word.start
    assert times[-1] == word.end
    assert times[1:-1:2] == times[2::2]
    first = spans[0][0]
    assert [part.start for part in word.characters[1:]] == pytest.approx(
        [(first + 2) * FRAME, (first + 5) * FRAME]
    )


def test_word_that_is_not_spoken_has_no_times() -> None:
    emissions, spans = spoken(["dette", "er", "alt"])
    words = align(emissions, "Dette er ikke alt")
    assert [word.found for word in words] == [True, True, False, True]
    assert (words[2].start, words[2].end, words[2].score) == (None, None, 0.0)
    assert [frames(word) for word in words if word.found] == spans


def test_speech_that_is_not_in_the_text_is_skipped() -> None:
    spoken_words = ["dette", "var", "altså", "det", "hele"]
    emissions, spans = spoken(spoken_words)
    words = align(emissions, "dette det hele")
    assert [frames(word) for word in words] == [spans[0], spans[3], spans[4]]


def test_word_that_another_is_spoken_for_has_no_times() -> None:
    emissions, spans = spoken(["dette", "bæpå", "alt"])
    words = align(emissions, "dette boka alt")
    assert [word.found for word in words] == [True, False, True]
    assert (words[1].start, words[1].end) == (None, None)
    assert [frames(words[0]), frames(words[2])] == [spans[0], spans[2]]


def test_unrelated_text_is_not_found() -> None:
    emissions, _ = spoken(random_words(40, seed=1))
    words = align(emissions, " ".join(random_words(40, seed=2)))
    assert sum(word.found for word in words) <= 8


NOT_SPOKEN = ["umf", "qvy", "zjp", "åkd", "ræg", "bsn"]


@pytest.mark.parametrize(
    ("island", "before", "after", "found"),
    [
        (["hello"], 3, 3, False),
        (["ha", "lot"], 3, 3, False),
        (["hellos"], 3, 3, True),
        (["ha", "lote"], 3, 3, True),
        (["hello"], 2, 3, True),
        (["hello"], 3, 2, True),
        (["hello"], 0, 0, True),
    ],
)
def test_few_letters_amid_words_that_are_not_spoken_are_not_found(
    island: list[str], before: int, after: int, found: bool
) -> None:
    emissions, _ = spoken(island)
    text = [*NOT_SPOKEN[:before], *island, *NOT_SPOKEN[3 : 3 + after]]
    words = align(emissions, " ".join(text))
    assert [word.word for word in words if word.found] == (island if found else [])
    discarded = [word for word in words if not word.found]
    assert {(word.start, word.end, word.score, word.characters) for word in discarded} <= {
        (None, None, 0.0, ())
    }


def test_each_of_several_islands_is_judged_by_itself() -> None:
    emissions, _ = spoken(["hello", "hellos"])
    words = align(emissions, " ".join([*NOT_SPOKEN[:3], "hello", *NOT_SPOKEN[3:], "hellos"]))
    assert [word.word for word in words if word.found] == ["hellos"]


@pytest.mark.parametrize("text", ["", "  \n", "–", "…?!"])
def test_text_without_words_gives_no_words(text: str) -> None:
    emissions, _ = spoken(["ja"])
    assert align(emissions, text) == ()


@pytest.mark.parametrize("count", [0, 1])
def test_audio_of_at_most_one_frame_aligns_no_word(count: int) -> None:
    emissions, _ = spoken(["ja"])
    words = align(emissions[:count], "ja da")
    assert [word.word for word in words] == ["ja", "da"]
    assert not any(word.found for word in words)
    assert [word.score for word in words] == [0, 0]


def test_vocabularies_of_capitals_and_other_scripts_are_aligned() -> None:
    tokens = ("|", "H", "E", "I", "П", "[PAD]")
    vocabulary = Vocabulary(tokens, 5, 0, frozenset({5}))
    path = [5, 1, 5, 2, 5, 3, 5, 0, 5, 4, 5]
    emissions = np.full((len(path), 6), np.log(0.01), np.float32)
    emissions[np.arange(len(path)), path] = np.log(0.95)
    words = align_text(emissions, "hei п", vocabulary, frame_seconds=FRAME, duration=1.0)
    assert [word.found for word in words] == [True, True]
    assert [frames(word) for word in words] == [(1, 6), (9, 10)]


def test_letter_that_is_the_last_token_has_its_own_score() -> None:
    vocabulary = Vocabulary(("[PAD]", "|", "a", "b"), 0, 1, frozenset({0}))
    path = [0, 3, 0, 1, 0, 2, 0]
    emissions = np.full((len(path), 4), np.log(0.05), np.float32)
    emissions[np.arange(len(path)), path] = np.log(0.85)
    words = align_text(emissions, "b a", vocabulary, frame_seconds=FRAME, duration=1.0)
    assert [word.score for word in words] == pytest.approx([0.85, 0.85])


def test_score_is_at_most_one_where_rows_are_not_normalised() -> None:
    emissions, _ = spoken(["ja"])
    (word,) = align(emissions + np.float32(3.0), "ja")
    assert word.score == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    emissions, _ = spoken(["ja"])
    emissions[3, 3] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        align(emissions, "ja")


@pytest.mark.parametrize("width", [len(VOCABULARY) - 1, len(VOCABULARY) + 1])
def test_emissions_of_another_vocabulary_are_not_aligned(width: int) -> None:
    emissions, _ = spoken(["ja"])
    with pytest.raises(ValueError, match=rf"must be \[frames, {len(VOCABULARY)}\]"):
        align(np.resize(emissions, (len(emissions), width)), "ja")


def test_text_is_refused_for_the_part_that_has_too_little_in_common(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With bounds of thousands instead of thousands of millions, for the sake of time."""
    monkeypatch.setattr(forced, "_CUT_ABOVE", 0)
    monkeypatch.setattr(forced, "_CUT_FRAMES", 50)
    monkeypatch.setattr(forced, "_MAX_CELLS", 20_000)
    alike = random_words(80, seed=1)
    emissions, spans = spoken(alike)
    check(align(emissions, " ".join(alike)), spans)
    emissions, _ = spoken([*alike, *random_words(40, seed=2)])
    with pytest.raises(ValueError, match="too little in common"):
        align(emissions, " ".join([*alike, *random_words(40, seed=3)]))


HOUR = 180_000


@pytest.fixture(scope="module")
def hour() -> tuple[list[str], np.ndarray, list[tuple[int, int]]]:
    words = random_words(9500, seed=5)
    emissions, spans = spoken(words, errors=0.08, pause=2)
    assert len(emissions) > HOUR
    return words, emissions, spans


def check(words: tuple[AlignedWord, ...], spans: list[tuple[int, int]]) -> None:
    """Nearly every word is found, and those are within two frames of where they are."""
    found = [(word, span) for word, span in zip(words, spans, strict=True) if word.found]
    assert len(found) > 0.98 * len(words)
    off = [max(abs(a - b) for a, b in zip(frames(word), span, strict=True)) for word, span in found]
    assert np.mean(np.array(off) <= 2) > 0.98


def test_hour_is_aligned_within_a_memory_bound(hour) -> None:
    words, emissions, spans = hour
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    check(align(emissions, " ".join(words)), spans)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown / (2**20 if sys.platform == "darwin" else 2**10) < 600


def test_missing_and_extra_paragraphs_leave_the_rest_aligned(hour) -> None:
    words, emissions, spans = hour
    added = random_words(300, seed=6)
    text = [*words[:2000], *words[2400:6000], *added, *words[6000:]]
    aligned = align(emissions, " ".join(text))
    kept = [*aligned[:5600], *aligned[5900:]]
    check(tuple(kept), [*spans[:2000], *spans[2400:]])
    assert sum(word.found for word in aligned[5600:5900]) < 15
    times = [time for word in aligned if word.start is not None for time in (word.start, word.end)]
    assert times == sorted(times)


@pytest.mark.long
def test_long_unrelated_text_is_refused(hour) -> None:
    _, emissions, _ = hour
    with pytest.raises(ValueError, match="too little in common"):
        align(emissions, " ".join(random_words(2000, seed=9) * 30))
