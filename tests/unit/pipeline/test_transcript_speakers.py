"""A transcript with its speakers: words, segments, sentences and alternatives."""

from dataclasses import replace

from blank_transcript import blank_transcript

from app.contract.answers import Alternative, Word
from app.itn import FormattingOptions
from app.pipeline.speakers import with_speakers
from app.pipeline.text import with_words
from app.speakers import Turn

WORDS = tuple(
    Word(text, start, start + 0.25, 0.9)
    for text, start in (
        ("jeg", 0.2), ("er", 0.5), ("tjue", 0.8), ("tre", 1.1), ("år", 1.4), ("ja", 1.7),
    )
)  # fmt: skip
BLANK = blank_transcript(3.0)
TURNS = (Turn(0.1, 1.06, 1), Turn(1.06, 1.68, 0), Turn(1.68, 2.0, 1))


def test_segments_and_sentences_end_where_the_speaker_changes() -> None:
    verbatim = with_words(BLANK, WORDS, None)
    transcript = with_speakers(verbatim, TURNS, FormattingOptions())
    assert [(part.speaker, part.text) for part in transcript.segments] == [
        ("speaker 1", "jeg er tjue"),
        ("speaker 2", "tre år"),
        ("speaker 1", "ja"),
    ]
    assert transcript.formatted_text == "Jeg er 20. Tre år. Ja."
    assert [word.speaker for word in transcript.formatted_words or ()] == [
        *["speaker 1"] * 3, *["speaker 2"] * 2, "speaker 1",
    ]  # fmt: skip
    assert [(item.speaker, item.channel) for item in transcript.speakers or ()] == [
        ("speaker 1", None),
        ("speaker 2", None),
    ]


def test_text_stays_and_is_formatted_only_on_request() -> None:
    verbatim = with_words(BLANK, WORDS, None)
    transcript = with_speakers(verbatim, TURNS, None)
    assert transcript.text == verbatim.text
    assert transcript.formatted_text is None
    assert [replace(word, speaker=None) for word in transcript.words] == list(WORDS)


def test_alternatives_have_speakers_too() -> None:
    other = Alternative("jeg er", -3.0, WORDS[:2])
    verbatim = replace(with_words(BLANK, WORDS, None), alternatives=(other, other))
    transcript = with_speakers(verbatim, TURNS, FormattingOptions())
    for alternative in transcript.alternatives or ():
        assert [word.speaker for word in alternative.words] == ["speaker 1"] * 2
        assert alternative.formatted_text == "Jeg er."


def test_transcript_without_words_has_no_speakers() -> None:
    transcript = with_speakers(with_words(BLANK, (), None), TURNS, None)
    assert (transcript.speakers, transcript.segments) == ((), ())
