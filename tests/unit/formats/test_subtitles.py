"""Subtitles keep to their rules for any transcript, and are cut between phrases."""

from dataclasses import replace
from itertools import pairwise

import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from timed_words import texts, transcript_of, transcripts, words_of

from app.contract.answers import Transcript, Word
from app.formats.phrases import phrases
from app.formats.subtitles import Cue, SubtitleRules, lay_out_subtitles
from app.formats.timeline import time_words
from app.itn.lexicon import lexicon

RULES = SubtitleRules()
COMPOUND = "arbeidsmarkedskompetanseutviklingskoordinator"


def cues_of(transcript: Transcript) -> tuple[Cue, ...]:
    return lay_out_subtitles(time_words(transcript), transcript.language)


def lines_of(text: str, **pauses: float) -> list[list[str]]:
    words = words_of(text, pause_before=pauses)
    transcript = transcript_of(words, words[-1].end + 2.0)
    return [cue.text.split("\n") for cue in cues_of(transcript)]


@given(transcripts())
@settings(max_examples=examples(150), deadline=None)
@example(transcript_of([Word("ja", 0.0, 0.0, 1.0)], 0.0004))
def test_every_word_is_shown_once_whole_and_in_order(transcript: Transcript) -> None:
    shown = [word.text for cue in cues_of(transcript) for line in cue.lines for word in line]
    assert shown == texts(transcript)
    assert " ".join(cue.text for cue in cues_of(transcript)).split() == shown


@given(transcripts())
@settings(max_examples=examples(150), deadline=None)
def test_lines_are_at_most_two_of_42_characters_unless_a_word_is_longer(
    transcript: Transcript,
) -> None:
    for cue in cues_of(transcript):
        assert len(cue.lines) in (1, 2)
        for line in cue.text.split("\n"):
            assert len(line) <= 42 or " " not in line


@given(transcripts())
@settings(max_examples=examples(150), deadline=None)
def test_cues_follow_one_another_and_end_with_the_audio(transcript: Transcript) -> None:
    cues = cues_of(transcript)
    for cue in cues:
        assert 0 <= cue.start < cue.end
        assert cue.end - cue.start <= 7000
    for one, following in pairwise(cues):
        assert one.end <= following.start
    if cues:
        assert cues[-1].end <= max(transcript.duration * 1000 + 1e-6, len(texts(transcript)))


@given(transcripts(lively=True))
@settings(max_examples=examples(150), deadline=None)
def test_two_frames_lie_between_cues(transcript: Transcript) -> None:
    cues = cues_of(transcript)
    for one, following in pairwise(cues):
        assert following.start - one.end >= min(84, (following.start - one.start) // 2)


def joinable(one: Cue, other: Cue) -> bool:
    """Whether the words of two cues would be allowed in one."""
    words = [word for cue in (one, other) for line in cue.lines for word in line]
    if words[-1].end - words[0].start > RULES.longest:
        return False
    pause = other.lines[0][0].start - one.lines[-1][-1].end
    whole = [word.text for word in words]
    breaks = [(whole[:i], whole[i:]) for i in range(1, len(whole))]
    fits = [all(len(" ".join(line)) <= 42 or len(line) == 1 for line in lines) for lines in breaks]
    return pause < RULES.longest_pause and (any(fits) or len(" ".join(whole)) <= 42)


@given(transcripts())
@settings(max_examples=examples(150), deadline=None)
def test_short_cue_only_where_its_words_do_not_fit_elsewhere(transcript: Transcript) -> None:
    cues = cues_of(transcript)
    for one, following in pairwise(cues):
        if joinable(one, following):
            assert min(one.end - one.start, following.end - following.start) >= RULES.shortest


@given(st.floats(0.0, 5.0), st.floats(0.0, 1.0))
@settings(deadline=None)
def test_single_word_stays_for_the_shortest_time_if_the_audio_lasts(
    start: float, after: float
) -> None:
    transcript = transcript_of([Word("ja", start, start + 0.1, 1.0)], start + 0.1 + after)
    (cue,) = cues_of(transcript)
    assert cue.end - cue.start >= min(RULES.shortest, int(transcript.duration * 1000 + 1e-6))
    assert cue.start <= round(start * 1000)


def test_long_pause_ends_a_cue() -> None:
    assert lines_of("det var det ja men nå går vi", men=1.6) == [
        ["det var det ja"],
        ["men nå går vi"],
    ]


def test_sentences_that_fit_are_cues_of_their_own() -> None:
    text = "Toget er forsinket med tre kvarter i dag. Vi tar heller bussen hjem fra byen. Det går."
    assert lines_of(text, Vi=0.7, Det=1.3) == [
        ["Toget er forsinket med tre kvarter i dag."],
        ["Vi tar heller bussen hjem fra byen."],
        ["Det går."],
    ]


def test_date_does_not_end_a_sentence() -> None:
    shown = lines_of("Det blir et stort og veldig langt møte den 21. mars klokken ti på kontoret.")
    assert "21. mars" in " / ".join(line for cue in shown for line in cue)


def test_line_ends_before_a_conjunction_and_not_after_an_article() -> None:
    (cue,) = lines_of("vi tok bussen ned til byen fordi toget fra oslo var forsinket")
    assert cue == ["vi tok bussen ned til byen", "fordi toget fra oslo var forsinket"]
    shown = lines_of(
        "jeg tenker at vi kan ta en tur ned til byen for å kjøpe litt mat før vi møter de andre "
        "på restauranten som ligger ved siden av biblioteket i trondheim men det er ikke sikkert "
        "at alle rekker det fordi toget fra oslo er forsinket med førti minutter"
    )
    last_words = {line.split()[-1] for cue in shown for line in cue}
    bound = "og at en et å den det de i på til av fra med for om"
    assert last_words.isdisjoint(bound.split())


def test_text_that_fits_one_line_is_on_one() -> None:
    assert lines_of("det går et tog klokken halv åtte") == [["det går et tog klokken halv åtte"]]


def test_two_lines_are_about_as_long() -> None:
    (cue,) = lines_of("regnet faller tungt ned over byens tomme gater hele den lange natten")
    assert abs(len(cue[0]) - len(cue[1])) <= 12


def test_word_longer_than_a_line_gets_its_own_line() -> None:
    assert len(COMPOUND) > 42
    shown = lines_of(f"hun er {COMPOUND} i kommunen")
    assert [line for cue in shown for line in cue if COMPOUND in line] == [COMPOUND]


def test_cue_is_extended_for_reading_speed() -> None:
    words = words_of("det er sagt så fort")
    quick = [Word(w.word, 0.4 + i * 0.2, 0.45 + i * 0.2, 0.9) for i, w in enumerate(words)]
    (cue,) = cues_of(transcript_of(quick, 20.0))
    assert cue.end == 400 + -(-len("det er sagt så fort") * 1000 // 17)


def test_short_word_at_the_end_is_shown_earlier() -> None:
    words = [*words_of("det var det"), Word("ja", 9.8, 9.95, 0.9)]
    *_, last = cues_of(transcript_of(words, 10.0))
    assert (last.start, last.end) == (10_000 - RULES.shortest, 10_000)


def test_lines_of_danish_and_nynorsk_break_between_phrases() -> None:
    words = words_of("vi har vore der heile dagen medan dei andre reiste heim til oslo")
    nynorsk = replace(transcript_of(words, 9.0), language="nn")
    assert "\nmedan" in cues_of(nynorsk)[0].text
    words = words_of("vi har været der hele dagen hvis de andre rejste hjem til byen")
    danish = replace(transcript_of(words, 9.0), language="da")
    assert "\nhvis" in cues_of(danish)[0].text


def test_language_without_phrases_is_cut_by_punctuation() -> None:
    words = words_of("this is a sentence that is a good deal longer than a single line may be")
    foreign = replace(transcript_of(words, 9.0), language="en")
    assert all(len(line) <= 42 for cue in cues_of(foreign) for line in cue.text.split("\n"))


@pytest.mark.parametrize("language", ["da", "nb", "nn"])
def test_words_that_cannot_end_a_sentence_cannot_end_a_line(language: str) -> None:
    known = lexicon(language)
    assert known is not None
    assert known.unfinished | known.leaning <= phrases(language).holding
