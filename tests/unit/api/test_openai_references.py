"""OpenAI's known speakers: names, and data URLs."""

import base64

import pytest
from blank_transcript import blank_transcript

from app.api.openai.parameters import read_form
from app.api.openai.references import Reference, parse_references
from app.api.speakers import speaker_letters
from app.contract.answers import Speaker
from app.errors import InvalidRequestError

AUDIO = b"RIFF and so on"
URL = f"data:audio/wav;base64,{base64.b64encode(AUDIO).decode()}"


def test_names_and_data_urls_come_as_the_sdk_sends_them() -> None:
    form = read_form(
        [
            ("response_format", "diarized_json"),
            ("known_speaker_names[]", "Nordmann, Kari"), ("known_speaker_names[]", "Ola"),
            ("known_speaker_references[]", URL),
            ("known_speaker_references[]", URL.replace("audio/wav", "audio/mpeg;x=1")),
        ]
    )  # fmt: skip
    assert form.references == (Reference("Nordmann, Kari", AUDIO), Reference("Ola", AUDIO))


@pytest.mark.parametrize(
    ("names", "urls", "param", "message"),
    [
        (["a"], [], "known_speaker_references", "one reference for each name"),
        ([], [URL], "known_speaker_names", "one reference for each name"),
        (["a", "b", "c", "d", "e"], [URL] * 5, "known_speaker_names", "up to 4"),
        (["a", "a"], [URL] * 2, "known_speaker_names", "twice"),
        (["Speaker 1"], [URL], "known_speaker_names", "no label"),
        (["a" * 101], [URL], "known_speaker_names", "1 to 100"),
        (["a\nb"], [URL], "known_speaker_names", "printable"),
        (["a"], ["https://example.org/a.wav"], "known_speaker_references", "data URLs"),
        (["a"], ["data:audio/wav,abc"], "known_speaker_references", "data URLs"),
        (["a"], ["data:audio/wav;base64,a*b="], "known_speaker_references", "data URLs"),
    ],
)
def test_what_is_no_known_speaker_is_refused(
    names: list[str], urls: list[str], param: str, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message) as refused:
        parse_references(names, urls)
    assert refused.value.param == param


def test_known_speakers_need_an_answer_with_speakers() -> None:
    fields = [("known_speaker_names[]", "Kari"), ("known_speaker_references[]", URL)]
    with pytest.raises(InvalidRequestError, match="diarized_json") as refused:
        read_form(fields)
    assert refused.value.param == "known_speaker_names"


def test_known_speakers_keep_their_names_and_no_letter_is_that_of_a_name() -> None:
    labels = ("speaker 1", "B", "speaker 2", "Kari", "speaker 3")
    transcript = blank_transcript(3.0, speakers=tuple(Speaker(label, 1.0) for label in labels))
    assert list(speaker_letters(transcript).values()) == ["A", "B", "C", "Kari", "D"]
