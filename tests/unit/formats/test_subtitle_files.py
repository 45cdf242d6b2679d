"""SRT and WebVTT, read back by the packages of players and editors."""

import io
import re
from itertools import pairwise

import pysubs2
import pytest
import srt
import webvtt
from examples import examples
from hypothesis import given, settings
from timed_words import transcript_of, transcripts, words_of

from app.contract.answers import Transcript, Word
from app.formats import render
from app.formats.subtitles import Cue, lay_out_subtitles
from app.formats.timeline import time_words

WORDS = words_of("hei og velkommen til møtet i dag", pause_before={"og": 0.7})
TRANSCRIPT = transcript_of(WORDS, 4.0)


def cues_of(transcript: Transcript) -> tuple[Cue, ...]:
    return lay_out_subtitles(time_words(transcript), transcript.language)


def body(transcript: Transcript, name: str, *, word_cues: bool = False) -> str:
    return render(transcript, name, word_cues=word_cues).text


@given(transcripts())
@settings(max_examples=examples(60), deadline=None)
def test_subrip_holds_the_cues(transcript: Transcript) -> None:
    read = list(srt.parse(body(transcript, "srt")))
    assert [item.index for item in read] == list(range(1, len(read) + 1))
    assert [
        (round(item.start.total_seconds() * 1000), round(item.end.total_seconds() * 1000))
        for item in read
    ] == [(cue.start, cue.end) for cue in cues_of(transcript)]
    assert [item.content for item in read] == [cue.text for cue in cues_of(transcript)]


@given(transcripts())
@settings(max_examples=examples(60), deadline=None)
def test_webvtt_holds_the_same_cues(transcript: Transcript) -> None:
    read = list(webvtt.from_string(body(transcript, "vtt")))
    assert [(_ms(item.start), _ms(item.end)) for item in read] == [
        (cue.start, cue.end) for cue in cues_of(transcript)
    ]
    assert [_unescape(item.raw_text) for item in read] == [cue.text for cue in cues_of(transcript)]


@given(transcripts())
@settings(max_examples=examples(60), deadline=None)
def test_word_cues_hold_every_word_at_its_time(transcript: Transcript) -> None:
    read = list(webvtt.from_string(body(transcript, "vtt", word_cues=True)))
    cues = cues_of(transcript)
    assert len(read) == len(cues)
    for item, cue in zip(read, cues, strict=True):
        words = [word for line in cue.lines for word in line]
        assert [_unescape(text) for text in re.findall("<c>(.*?)</c>", item.raw_text)] == [
            word.text for word in words
        ]
        assert _unescape(re.sub("<[^>]*>", "", item.raw_text)) == cue.text
        times = [_ms(time) for time in re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", item.raw_text)]
        assert times == [word.start for word in words if cue.start < word.start < cue.end]
        for before, after in pairwise([cue.start, *times, cue.end]):
            assert before < after


def test_word_cue_has_the_syntax_of_browsers() -> None:
    assert body(transcript_of(WORDS[:1], 4.0), "vtt", word_cues=True) == (
        "WEBVTT\n\n00:00:00.450 --> 00:00:01.284\n<c>hei</c>\n"
    )
    lines = body(TRANSCRIPT, "vtt", word_cues=True).splitlines()
    assert lines[3].startswith("<c>hei</c> <00:00:01.330><c>og</c> <00:00:01.500><c>velkommen</c>")


def test_webvtt_escapes_markup() -> None:
    transcript = transcript_of([Word("R&D<b>-->", 0.1, 0.9, 1.0)], 1.0)
    assert "R&amp;D&lt;b&gt;--&gt;\n" in body(transcript, "vtt")
    assert "<c>R&amp;D&lt;b&gt;--&gt;</c>\n" in body(transcript, "vtt", word_cues=True)


def test_hours_are_written() -> None:
    transcript = transcript_of([Word("slutt", 7384.5, 7385.0, 1.0)], 7390.0)
    assert "02:03:04,500 --> 02:03:05,334" in body(transcript, "srt")
    assert "02:03:04.500 --> 02:03:05.334" in body(transcript, "vtt")


def test_editors_read_srt_and_webvtt() -> None:
    for name in ("srt", "vtt"):
        read = pysubs2.SSAFile.from_string(body(TRANSCRIPT, name), format_=name)
        assert [(line.start, line.end, line.plaintext) for line in read] == [
            (cue.start, cue.end, cue.text) for cue in cues_of(TRANSCRIPT)
        ]


@pytest.mark.parametrize("word_cues", [False, True])
def test_empty_transcript_is_a_valid_file(word_cues: bool) -> None:
    nothing = transcript_of([], 3.0)
    assert body(nothing, "srt") == ""
    written = body(nothing, "vtt", word_cues=word_cues)
    assert written == "WEBVTT\n"
    assert list(webvtt.from_buffer(io.StringIO(written))) == []


def _ms(time: str) -> int:
    hours, minutes, seconds = time.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


def _unescape(text: str) -> str:
    # As a browser does; html.unescape would unescape `&amp;amp` twice.
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
