"""The table of formats; each is written, with the formatted text where there is one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timed_words import transcript_of, words_of

from app.contract.answers import Word
from app.formats import FORMATS, describe, render

TRANSCRIPT = transcript_of(words_of("eg kjem halv åtte"), 3.0)
TEXT = [name for name in FORMATS[1:] if not describe(name).binary]
WITH_WORDS = [name for name in TEXT if name != "rttm"]
READABLE = transcript_of(words_of("jeg kommer halv åtte"), 3.0, formatting=True)


@pytest.mark.parametrize("name", FORMATS[1:])
def test_every_format_is_written_with_its_media_type(name: str) -> None:
    info = describe(name)
    rendered = render(TRANSCRIPT, name)
    assert name not in TEXT or ("åtte" in rendered.text) is (name in WITH_WORDS)
    assert (rendered.media_type, rendered.extension) == (info.media_type, info.extension)
    assert info.file_name("møte") == f"møte.{info.extension}"


@pytest.mark.parametrize("name", WITH_WORDS)
def test_formatted_text_is_written_where_there_is_one(name: str) -> None:
    body = render(READABLE, name).text
    assert "7.30." in body
    assert "halv" not in body


def test_media_types_are_the_registered_ones() -> None:
    assert {name: describe(name).media_type.partition(";")[0] for name in FORMATS} == {
        "json": "application/json",
        "text": "text/plain",
        "md": "text/markdown",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "f4": "text/plain",
        "srt": "application/x-subrip",
        "vtt": "text/vtt",
        "ttml": "application/ttml+xml",
        "stl": "application/x-ebu-stl",
        "tsv": "text/tab-separated-values",
        "textgrid": "text/praat-textgrid",
        "eaf": "application/xml",
        "exb": "application/xml",
        "ctm": "text/plain",
        "stm": "text/plain",
        "rttm": "text/plain",
    }


def test_text_is_one_line() -> None:
    assert render(TRANSCRIPT, "text").text == "eg kjem halv åtte\n"
    assert render(READABLE, "text").text == "Jeg kommer 7.30.\n"


def test_unknown_format_is_refused_with_the_accepted_names() -> None:
    with pytest.raises(ValueError, match="odt") as refused:
        render(TRANSCRIPT, "odt")
    assert str(refused.value) == (
        "the format is 'odt'; accepted: json, text, md, f4, srt, vtt, ttml, tsv, textgrid, eaf, "
        "exb, ctm, stm, rttm, docx or stl."
    )


def test_json_is_not_rendered() -> None:
    with pytest.raises(ValueError, match="json"):
        render(TRANSCRIPT, "json")


@pytest.mark.parametrize(
    ("recording", "stem"),
    [
        ("opptak.wav", "opptak"),
        ("C:\\lyd\\møte 1.mp4", "møte_1"),
        ("/tmp/2026.11.22.ogg", "2026.11.22"),
        ("møte 1.2", "møte_1.2"),
        ("", "_"),
    ],
)
def test_recording_is_named_without_folder_and_ending(recording: str, stem: str) -> None:
    assert render(TRANSCRIPT, "ctm", recording=recording).text.startswith(f"{stem} 1 ")


_TEXT = st.text(st.characters(exclude_categories=()))
_SECONDS = st.floats(0, 1e308) | st.floats(0, 20)


@given(
    st.lists(st.tuples(_TEXT, _SECONDS, _SECONDS), max_size=12),
    _SECONDS,
    _TEXT,
    st.sampled_from(FORMATS[1:]),
)
@settings(deadline=None)
def test_any_transcript_is_rendered_in_every_format(
    words: list[tuple[str, float, float]], duration: float, recording: str, name: str
) -> None:
    transcript = transcript_of([Word(*word, 1.0) for word in words], duration)
    for word_cues in (False, True):
        rendered = render(transcript, name, recording=recording, word_cues=word_cues)
        if name in TEXT:
            rendered.body.decode("utf-8")
