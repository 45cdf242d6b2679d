"""Answers as JSON: exact in memory, rounded when written, and read back by a client."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.contract.answers import (
    ALIGNMENT_ADAPTER,
    TRANSCRIPT_ADAPTER,
    AlignedCharacter,
    AlignedWord,
    Alignment,
    Alternative,
    AudioFile,
    Notice,
    Segment,
    Timing,
    Track,
    Transcript,
    Word,
)
from app.contract.segments import segment_words

WORD = Word("ja", 0.12345, 0.5555, 0.98765)
TIMING = Timing(0.00011, 0.00022, 0.00033, 0.00044, 0.123456)
AUDIO = AudioFile("WAV", "pcm_s16le", 1, 16000, (Track(0, "pcm_s16le", 1, 16000, None),), 0)
PLAIN = Transcript(
    text="ja",
    words=(WORD,),
    segments=segment_words([WORD]),
    confidence=0.98765,
    language="nb",
    model="m",
    duration=1.00049,
    decoder="beam",
    lm=None,
    audio=AUDIO,
    warnings=(Notice("resynchronised", "Bytes were skipped."),),
    timing=TIMING,
    request_id="r",
)
FULL = replace(
    PLAIN,
    formatted_text="Ja.",
    formatted_words=(Word("Ja.", 0.12345, 0.5555, 0.98765),),
    formatted_segments=(Segment(0, 0.12345, 0.5555, "Ja.", 0.98765),),
    alternatives=(Alternative("ja", -1.23456, (WORD,), "Ja."), Alternative("a", -2.0, (), "A.")),
)
ALIGNMENT = Alignment(
    words=(
        AlignedWord("ja", 0.1, 0.5, 0.9, True, (AlignedCharacter("j", 0.1, 0.3),)),
        AlignedWord("nei", None, None, 0.0, False, ()),
    ),
    language="nb",
    model="m",
    duration=1.0,
    audio=None,
    warnings=(),
    timing=TIMING,
    request_id="r",
)


def test_json_has_rounded_times_and_probabilities() -> None:
    answer = json.loads(PLAIN.to_json())
    assert answer["words"] == [{"word": "ja", "start": 0.123, "end": 0.555, "confidence": 0.9877}]
    assert answer["duration"] == 1.0
    assert answer["confidence"] == 0.9877
    assert answer["timing"]["queue"] == 0.0001
    assert answer["timing"]["real_time_factor"] == 0.12346


def test_json_leaves_out_what_was_not_requested() -> None:
    assert "formatted_text" not in json.loads(PLAIN.to_json())
    assert "alternatives" not in json.loads(PLAIN.to_json())
    verbatim = replace(PLAIN, alternatives=(Alternative("ja", -1.0, (WORD,)),))
    assert "formatted_text" not in json.loads(verbatim.to_json())["alternatives"][0]
    assert json.loads(FULL.to_json())["alternatives"][1]["formatted_text"] == "A."


def test_json_without_words_has_empty_lists() -> None:
    answer = json.loads(FULL.without_words().to_json())
    assert answer["words"] == answer["formatted_words"] == []
    assert [other["words"] for other in answer["alternatives"]] == [[], []]
    assert [segment["text"] for segment in answer["segments"]] == ["ja"]
    assert "formatted_words" not in json.loads(PLAIN.without_words().to_json())


def test_alignment_lists_characters_only_on_request() -> None:
    listed = json.loads(ALIGNMENT.to_json())["words"]
    assert listed[0]["characters"] == [{"text": "j", "start": 0.1, "end": 0.3}]
    assert listed[1]["characters"] == []
    assert all(
        "characters" not in word
        for word in json.loads(ALIGNMENT.without_characters().to_json())["words"]
    )


def test_client_reads_what_the_service_writes() -> None:
    for transcript in (PLAIN, FULL):
        read = TRANSCRIPT_ADAPTER.validate_json(transcript.to_json())
        assert read.to_json() == transcript.to_json()
        assert read.written_text == transcript.written_text
    for alignment in (ALIGNMENT, ALIGNMENT.without_characters()):
        read_alignment = ALIGNMENT_ADAPTER.validate_json(alignment.to_json())
        assert read_alignment.to_json() == alignment.to_json()


def test_client_ignores_fields_of_a_newer_server() -> None:
    answer = json.loads(PLAIN.to_json()) | {"emotions": 2}
    answer["words"][0]["emotion"] = "a"
    assert TRANSCRIPT_ADAPTER.validate_python(answer).words[0].word == "ja"


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 3)), max_size=20),
    st.floats(0.001, 100),
)
def test_rounded_words_end_within_the_rounded_duration(
    spans: list[tuple[float, float]], duration: float
) -> None:
    words = tuple(
        Word("a", start * duration, min(start * duration + length, duration), 0.5)
        for start, length in spans
    )
    answer = json.loads(replace(PLAIN, words=words, duration=duration).to_json())
    assert all(word["end"] <= answer["duration"] for word in answer["words"])
