"""Every format has the speakers of a transcript, read back by other software."""

import csv
import html
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
import webvtt
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio import textgrid
from pympi import Eaf
from timed_words import transcript_of, transcripts, words_of

from app.contract.answers import Transcript, Word
from app.contract.segments import segment_words, speakers_of
from app.formats import FORMATS, render
from app.itn import format_transcript

KARI = [("ja", 0.4, 0.6), ("det", 0.7, 0.9), ("stemmer", 0.9, 1.5)]
# Begins before Kari has ended, and is answered by her at once.
OLA = [("nei", 1.4, 1.7), ("slett", 1.8, 2.1), ("ikke", 2.1, 2.5)]
KARI_AGAIN = [("jo", 2.6, 2.9)]


def said(words: list[tuple[str, float, float]], speaker: str | None) -> list[Word]:
    return [Word(word, start, end, 0.9, speaker) for word, start, end in words]


CONVERSATION = transcript_of(
    said(KARI, "Kari") + said(OLA, "Ola <b>") + said(KARI_AGAIN, "Kari"), 4.0
)


def test_segments_end_where_the_speaker_changes() -> None:
    assert [(item.speaker, item.text) for item in CONVERSATION.segments] == [
        ("Kari", "ja det stemmer"),
        ("Ola <b>", "nei slett ikke"),
        ("Kari", "jo"),
    ]


def test_speakers_are_listed_with_their_seconds_in_the_order_they_begin() -> None:
    speakers = speakers_of(CONVERSATION.segments)
    assert [(item.speaker, round(item.seconds, 3)) for item in speakers] == [
        ("Kari", 1.4),
        ("Ola <b>", 1.1),
    ]


def test_sentences_of_two_speakers_are_apart() -> None:
    words = said([("jeg", 0.0, 0.2), ("er", 0.2, 0.3), ("tjue", 0.3, 0.6)], "A")
    words += said([("tre", 0.6, 0.9), ("år", 0.9, 1.1)], "B")
    formatted = format_transcript(words, "nb").words
    assert [(word.word, word.speaker) for word in formatted] == [
        ("Jeg", "A"), ("er", "A"), ("20.", "A"), ("Tre", "B"), ("år.", "B"),
    ]  # fmt: skip


def test_answer_without_speakers_has_no_such_field() -> None:
    assert "speaker" not in transcript_of(words_of("ja vel"), 2.0).to_json()
    assert '"speaker":"Kari"' in CONVERSATION.to_json()


def test_text_has_a_line_for_each_turn() -> None:
    assert render(CONVERSATION, "text").text == (
        "Kari: ja det stemmer\nOla <b>: nei slett ikke\nKari: jo\n"
    )


def test_webvtt_has_a_voice_for_each_cue(tmp_path: Path) -> None:
    file = tmp_path / "a.vtt"
    for word_cues in (False, True):
        body = render(CONVERSATION, "vtt", word_cues=word_cues).text
        file.write_text(body, encoding="utf-8")
        cues = webvtt.read(str(file)).captions
        assert [cue.voice for cue in cues] == ["Kari", "Ola &lt;b&gt;", "Kari"]
        assert [cue.text.replace("<c>", "") for cue in cues][2] == "jo"


def test_subrip_names_the_speaker_of_each_turn(tmp_path: Path) -> None:
    events = pysubs2.SSAFile.from_string(render(CONVERSATION, "srt").text, format_="srt").events
    assert [event.plaintext for event in events][0::2] == ["Kari: ja det stemmer", "Kari: jo"]
    assert [event.start for event in events] == sorted(event.start for event in events)


def test_speaker_is_named_once_in_a_turn_of_several_cues() -> None:
    words = words_of("dette er en lang tale som ikke får plass i bare ett bilde " * 4)
    long = transcript_of([Word(w.word, w.start, w.end, 0.9, "Kari") for w in words], 30.0)
    events = pysubs2.SSAFile.from_string(render(long, "srt").text, format_="srt").events
    assert len(events) > 2
    assert [event.plaintext.startswith("Kari: ") for event in events] == [
        True, *[False] * (len(events) - 1),
    ]  # fmt: skip
    assert all(len(line) <= 42 for event in events for line in event.plaintext.split("\n"))


def test_praat_reads_two_tiers_for_each_speaker(tmp_path: Path) -> None:
    file = tmp_path / "a.TextGrid"
    file.write_text(render(CONVERSATION, "textgrid").text, encoding="utf-8")
    grid = textgrid.openTextgrid(str(file), includeEmptyIntervals=False)
    assert list(grid.tierNames) == ["Kari", "Kari words", "Ola <b>", "Ola <b> words"]
    assert [(e.start, e.end, e.label) for e in grid.getTier("Ola <b>").entries] == [
        (1.4, 2.5, "nei slett ikke")
    ]
    assert [e.label for e in grid.getTier("Kari words").entries] == ["ja", "det", "stemmer", "jo"]


def test_elan_reads_two_tiers_with_their_participant_for_each_speaker(tmp_path: Path) -> None:
    file = tmp_path / "a.eaf"
    file.write_text(render(CONVERSATION, "eaf").text, encoding="utf-8")
    document = Eaf(str(file))
    assert list(document.get_tier_names()) == ["Kari", "Kari words", "Ola <b>", "Ola <b> words"]
    assert document.get_parameters_for_tier("Kari words")["PARTICIPANT"] == "Kari"
    assert sorted(document.get_annotation_data_for_tier("Kari")) == [
        (400, 1500, "ja det stemmer"),
        (2600, 2900, "jo"),
    ]


def test_tiers_have_names_of_their_own_whatever_speakers_are_called(tmp_path: Path) -> None:
    words = said([("ja", 0.0, 0.3)], "A") + said([("nei", 0.4, 0.7)], "A words")
    words += said([("jo", 0.8, 1.0)], None)
    file = tmp_path / "a.TextGrid"
    file.write_text(render(transcript_of(words, 2.0), "textgrid").text, encoding="utf-8")
    grid = textgrid.openTextgrid(str(file), includeEmptyIntervals=False)
    assert len(grid.tierNames) == 6


def test_table_has_a_column_of_speakers() -> None:
    header, *rows = csv.reader(render(CONVERSATION, "tsv").text.splitlines(), delimiter="\t")
    assert header == ["start", "end", "text", "speaker"]
    assert rows[1] == ["1400", "2500", "nei slett ikke", "Ola <b>"]


def test_scoring_tools_get_the_speaker_in_their_columns() -> None:
    assert render(CONVERSATION, "ctm", recording="m.wav").text.splitlines()[3] == (
        "m 1 1.400 0.300 nei 0.9000 lex Ola_<b>"
    )
    assert render(CONVERSATION, "stm", recording="m.wav").text.splitlines() == [
        "m 1 Kari 0.400 1.500 ja det stemmer",
        "m 1 Ola_<b> 1.400 2.500 nei slett ikke",
        "m 1 Kari 2.600 2.900 jo",
    ]
    assert render(CONVERSATION, "rttm", recording="m.wav").text.splitlines()[1] == (
        "SPEAKER m 1 1.400 1.100 <NA> <NA> Ola_<b> <NA> <NA>"
    )


@st.composite
def conversations(draw: st.DrawFn) -> Transcript:
    """Two or three who speak, also at once; the words are listed segment by segment."""
    tracks = [
        [
            Word(word.word, word.start, word.end, word.confidence, speaker)
            for word in draw(transcripts(lively=True)).words[:20]
        ]
        for speaker in ("A", "B", "C")[: draw(st.integers(2, 3))]
    ]
    segments = [
        [track[i] for i in range(first, stop)] for track in tracks for first, stop in _spans(track)
    ]
    words = [word for segment in sorted(segments, key=lambda s: s[0].start) for word in segment]
    return transcript_of(words, max([word.end for word in words], default=0.0) + 1.0)


def _spans(track: list[Word]) -> list[tuple[int, int]]:
    spans = []
    first = 0
    for segment in segment_words(track):
        stop = first + len(segment.text.split())
        spans.append((first, stop))
        first = stop
    return spans


@given(conversations())
@settings(max_examples=examples(30), deadline=None)
def test_no_word_is_lost_and_cues_overlap_only_where_speech_does(transcript: Transcript) -> None:
    cues = webvtt.from_string(render(transcript, "vtt").text).captions
    shown = [word for cue in cues for word in html.unescape(cue.text).split()]
    assert sorted(shown) == sorted(word.word for word in transcript.words)
    for speaker in {cue.voice for cue in cues}:
        own = [cue for cue in cues if cue.voice == speaker]
        assert all(a.end_time <= b.start_time for a, b in pairwise(own))
    for name in FORMATS[1:]:
        render(transcript, name)


@pytest.mark.parametrize("name", ["stm", "rttm"])
def test_speaker_is_unknown_where_speakers_are_not_told_apart(name: str) -> None:
    line = render(transcript_of(words_of("ja vel"), 2.0), name, recording="m.wav").text
    assert " unknown " in line
