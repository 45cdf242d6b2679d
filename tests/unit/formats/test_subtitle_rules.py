"""Named rules for subtitles, dashes of two speakers, and the check of files."""

from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest
from examples import examples
from hypothesis import given, settings
from timed_words import transcript_of, transcripts, words_of

from app.contract.answers import Transcript
from app.contract.layout import Layout, SubtitleRulesName
from app.contract.segments import segment_words
from app.formats import RULES, check_subtitles, read_subtitles, render, rules_of
from app.formats.subtitle_reading import NoSubtitlesError
from app.formats.subtitles import lay_out_subtitles
from app.formats.timeline import time_words

TALK = (
    "i dag skal vi snakke om skolen og om dem som går der hver dag fordi de ikke kan velge noe "
    "annet og vi skal høre hva de mener om maten lærerne og alle de lange timene"
)


def dialogue(*turns: tuple[str, str, float]) -> Transcript:
    """Returns a transcript of turns: speaker, text, and the pause before it in seconds."""
    words, now = [], 0.0
    for speaker, text, pause in turns:
        spoken = words_of(text)
        now += pause
        words += [
            replace(word, start=word.start + now, end=word.end + now, speaker=speaker)
            for word in spoken
        ]
        now = words[-1].end
    transcript = transcript_of(words, now + 5.0)
    return replace(transcript, segments=segment_words(words))


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_our_subtitles_of_ordinary_speech_keep_the_rules(name: str, form: str) -> None:
    words = words_of(TALK)
    # Slower than most people speak: faster speech breaks the reading speed, as no word is left out.
    slow = [replace(word, start=word.start * 1.6, end=word.end * 1.6) for word in words]
    transcript = transcript_of(slow, slow[-1].end + 3.0)
    rules = rules_of(name)
    body = render(transcript, form, rules=rules).text
    assert list(check_subtitles(read_subtitles(body), rules)) == []


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
@pytest.mark.parametrize("name", ["dr", "nrk"])
def test_cues_keep_to_the_lengths_of_their_rules(name: str, transcript: Transcript) -> None:
    rules = rules_of(name)
    cues = lay_out_subtitles(time_words(transcript), transcript.language, rules)
    for cue in cues:
        assert len(cue.lines) in (1, 2)
        assert all(
            len(line) <= rules.line_length or " " not in line for line in cue.text.split("\n")
        )
        assert cue.end - cue.start <= rules.longest
    for one, following in pairwise(cues):
        assert one.end <= following.start


def test_short_replies_share_a_cue_with_dashes() -> None:
    transcript = dialogue(("A", "kommer du i morgen", 0.0), ("B", "ja det gjør jeg", 0.2))
    (cue,) = read_subtitles(render(transcript, "srt", rules=rules_of("nrk")).text)
    assert cue.lines == ("- kommer du i morgen", "- ja det gjør jeg")
    vtt = render(transcript, "vtt", rules=rules_of("nrk")).text
    assert "- kommer du i morgen\n- ja det gjør jeg" in vtt
    assert "<v " not in vtt


def test_long_turns_and_late_replies_have_cues_of_their_own() -> None:
    late = dialogue(("A", "kommer du i morgen", 0.0), ("B", "ja det gjør jeg", 4.0))
    assert len(read_subtitles(render(late, "srt", rules=rules_of("dr")).text)) == 2
    long = dialogue(("A", TALK, 0.0), ("B", "ja", 0.1))
    cues = read_subtitles(render(long, "srt", rules=rules_of("dr")).text)
    assert cues[-1].lines == ("ja",)


def test_rules_without_dashes_name_the_speakers() -> None:
    transcript = dialogue(("A", "kommer du i morgen", 0.0), ("B", "ja det gjør jeg", 0.2))
    body = render(transcript, "srt").text
    assert "A: kommer du i morgen" in body
    assert "- " not in body.replace("-->", "")


def test_reading_speed_can_be_set_and_unknown_rules_are_refused() -> None:
    assert rules_of("nrk", 12.0).reading_speed == 12.0
    assert rules_of() == rules_of("netflix")
    with pytest.raises(ValueError, match="netflix, nrk, dr"):
        rules_of("bbc")


def test_layout_names_the_rules_of_every_format_of_subtitles() -> None:
    assert set(RULES) == set(get_args(SubtitleRulesName))
    transcript = dialogue(("A", "kommer du i morgen", 0.0), ("B", "ja det gjør jeg", 0.2))
    for form in ("srt", "vtt", "ttml"):
        text = render(transcript, form, layout=Layout(subtitles="dr")).text
        assert "- ja det gjør jeg" in text
        assert "- ja det gjør jeg" not in render(transcript, form).text


def test_slower_reading_speed_shows_subtitles_longer() -> None:
    transcript = transcript_of(words_of(TALK), 60.0)
    [slow, default] = [
        read_subtitles(render(transcript, "srt", layout=layout).text)[-1]
        for layout in (Layout(subtitles="nrk", reading_speed=10.0), Layout(subtitles="nrk"))
    ]
    assert slow.end > default.end


FILE = """1
00:00:01,000 --> 00:00:01,500
en altfor lang linje som ingen rekker å lese på så kort tid

2
00:00:01,520 --> 00:00:12,000
<i>en</i>
to
tre

3
00:00:11,000 --> 00:00:13,000
ja
"""


def test_every_broken_rule_is_listed_with_its_value_and_limit() -> None:
    found = [
        (item.cue, item.rule, item.value, item.limit)
        for item in check_subtitles(read_subtitles(FILE), rules_of("netflix"))
    ]
    assert found == [
        (1, "line-length", 59, 42),
        (1, "reading-speed", 118.0, 17.0),
        (1, "too-short", 500, 834),
        (1, "gap", 20, 84),
        (2, "lines", 3, 2),
        (2, "too-long", 10480, 7000),
        (2, "overlap", 1000, 0),
    ]


def test_files_of_windows_with_settings_and_entities_are_read() -> None:
    text = "WEBVTT\n\nNOTE a comment\n\nname\n01:02.000 --> 01:04.500 align:left\n<v A>a &lt; b\n"
    (cue,) = read_subtitles("\ufeff" + text.replace("\n", "\r\n"))
    assert (cue.start, cue.end, cue.lines) == (62_000, 64_500, ("a < b",))
    assert read_subtitles("WEBVTT\n") == ()


def test_text_without_subtitles_is_refused() -> None:
    with pytest.raises(NoSubtitlesError, match="SubRip"):
        read_subtitles("bare tekst\n")
