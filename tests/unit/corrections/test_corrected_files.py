"""Corrected transcripts are read from text, subtitles and JSON; what cannot be is explained."""

import json
from dataclasses import replace

import pytest
from recognised import RECOGNISED

from app.contract.answers import Transcript, Word
from app.corrections import CorrectionFormatError, read_correction
from app.formats import render

SRT = """1
00:00:00,000 --> 00:00:01,000
S1: det er
<i>Molde</i>

2
00:00:03,000 --> 00:00:04,000
S2: ja
"""


def read(body: str | bytes, media_type: str, original: Transcript = RECOGNISED) -> Transcript:
    data = body.encode() if isinstance(body, str) else body
    return read_correction(data, media_type, original)


@pytest.mark.parametrize("name", ["text", "srt", "vtt", "json"])
def test_what_the_service_writes_comes_back_unchanged(name: str) -> None:
    if name == "json":
        again = read(RECOGNISED.to_json(), "application/json")
    else:
        rendered = render(RECOGNISED, name)
        again = read(rendered.body, rendered.media_type.partition(";")[0])
    assert again.text == "det er molde ja"
    assert [word.speaker for word in again.words] == ["S1", "S1", "S1", "S2"]
    for word, before in zip(again.words, RECOGNISED.words, strict=True):
        assert (word.start, word.end) == (pytest.approx(before.start), pytest.approx(before.end))
    assert [segment.text for segment in again.segments] == ["det er molde", "ja"]
    assert again.speakers == RECOGNISED.speakers


def test_subtitles_are_read_without_labels_and_tags() -> None:
    corrected = read(SRT, "application/x-subrip")
    assert corrected.text == "det er Molde ja"
    assert corrected.model == "m"


def test_text_with_times_and_labels_names_who_speaks() -> None:
    corrected = read("[00:00:00] S2: det er molde\r\n[00:00:03] S1: ja\n", "text/plain")
    assert corrected.text == "det er molde ja"
    assert [word.speaker for word in corrected.words] == ["S2", "S2", "S2", "S1"]
    assert corrected.speakers is not None
    assert [speaker.speaker for speaker in corrected.speakers] == ["S2", "S1"]


def test_one_text_is_left_of_a_formatted_transcript() -> None:
    formatted = replace(
        RECOGNISED,
        formatted_text="Det er Molde. Ja.",
        formatted_words=tuple(
            replace(word, word=text)
            for word, text in zip(RECOGNISED.words, ["Det", "er", "Molde.", "Ja."], strict=True)
        ),
        formatted_segments=RECOGNISED.segments,
    )
    corrected = read("Det er Moldejazz. Ja.", "text/plain", formatted)
    assert (corrected.text, corrected.formatted_text) == ("Det er Moldejazz. Ja.", None)

    verbatim = json.loads(replace(formatted, formatted_segments=None).to_json())
    verbatim["words"][2]["word"] = "moldejazz"
    del verbatim["text"], verbatim["segments"]
    assert read(json.dumps(verbatim), "application/json", formatted).text == "det er moldejazz ja"


@pytest.mark.parametrize(
    ("body", "media_type", "reason"),
    [
        (b"\xe5", "text/plain", "UTF-8"),
        (b" \n", "text/plain", "no text"),
        (b"no subtitles", "text/srt", "there are no subtitles"),
        (b"WEBVTT\n", "text/vtt", "no text"),
        (b"{", "application/json", "JSON"),
        (b"[]", "application/json", "the body"),
        (b'{"words": [{"word": "a", "start": 2, "end": 1}], "duration": 3}', "application/json",
         "ends before it begins"),
        (b'{"words": [{"word": "a", "start": 9, "end": 11}], "duration": 12}', "application/json",
         "after the end of the recording"),
        (b'{"text": "b", "words": [{"word": "a", "start": 1, "end": 2}], "duration": 3}',
         "application/json", "its text and its words differ"),
        (b'{"words": [{"word": "a", "start": 1, "end": 2}], "segments": [{"text": "b"}], '
         b'"duration": 3}', "application/json", "its segments and its words differ"),
    ],
)  # fmt: skip
def test_body_that_is_no_transcript_is_refused_with_the_reason(
    body: bytes, media_type: str, reason: str
) -> None:
    with pytest.raises(CorrectionFormatError, match=reason):
        read(body, media_type)


def test_new_speaker_of_the_json_is_kept() -> None:
    given = json.loads(RECOGNISED.to_json())
    given["words"][3]["speaker"] = "Kari"
    corrected = read(json.dumps(given), "application/json")
    assert corrected.words[3] == Word("ja", 3.0, 3.2, 0.9, "Kari")
    assert corrected.speakers is not None
    assert [speaker.speaker for speaker in corrected.speakers] == ["S1", "Kari"]
