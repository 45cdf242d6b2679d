"""Text, Markdown, f4 and documents of Word: their paragraphs, and what switches change."""

import io
import re
from itertools import chain

import docx
import pytest
from docx.enum.text import WD_COLOR_INDEX
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from timed_words import texts, transcript_of, transcripts, words_of

from app.contract.answers import Transcript, Word
from app.contract.layout import Layout
from app.formats import render

PAUSED = transcript_of(words_of("ja det er jeg jo altså", pause_before={"jo": 2.5}), 8.0)


def conversation() -> Transcript:
    """Two speakers; the first one pauses for long within her turn."""
    words = words_of("ja vel da nei takk", pause_before={"da": 2.5})
    labels = ("Kari", "Kari", "Kari", "Ola *", "Ola *")
    return transcript_of(
        [
            Word(word.word, word.start, word.end, confidence, speaker)
            for word, speaker, confidence in zip(
                words, labels, (0.9, 0.4, 0.9, 0.69, 0.7), strict=True
            )
        ],
        8.0,
    )


def markdown_paragraphs(text: str) -> list[str]:
    """The heading and the paragraphs, as a reader of Markdown shows them."""
    blocks = MarkdownIt("commonmark").parse(text)
    assert {block.type for block in blocks} <= {
        "heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline",
    }  # fmt: skip
    return [
        "".join(part.content for part in block.children or ())
        for block in blocks
        if block.type == "inline"
    ]


def document(transcript: Transcript, **layout: bool) -> "docx.document.Document":
    rendered = render(transcript, "docx", recording="møte.wav", layout=Layout(**layout))
    return docx.Document(io.BytesIO(rendered.body))


@pytest.mark.parametrize(
    ("layout", "lines"),
    [
        ({}, ["Kari: ja vel da", "Ola *: nei takk"]),
        ({"speakers": False}, ["ja vel da nei takk"]),
        ({"paragraphs": True}, ["Kari: ja vel", "da", "Ola *: nei takk"]),
        ({"speakers": False, "paragraphs": True}, ["ja vel", "da nei takk"]),
        ({"times": True}, ["[00:00:00] Kari: ja vel da", "[00:00:03] Ola *: nei takk"]),
        ({"times": True, "speakers": False}, ["[00:00:00] ja vel da nei takk"]),
    ],
)
def test_switches_change_the_lines_of_text(layout: dict[str, bool], lines: list[str]) -> None:
    assert render(conversation(), "text", layout=Layout(**layout)).text.splitlines() == lines


def test_text_without_speakers_is_divided_on_request_alone() -> None:
    assert render(PAUSED, "text").text == "ja det er jeg jo altså\n"
    divided = render(PAUSED, "text", layout=Layout(paragraphs=True, times=True)).text
    assert divided.splitlines() == ["[00:00:00] ja det er jeg", "[00:00:03] jo altså"]


def test_markdown_has_a_title_and_bold_speakers() -> None:
    written = render(conversation(), "md", recording="Møte_1.wav").text
    assert written == "# Møte\\_1\n\n**Kari:** ja vel\n\nda\n\n**Ola \\*:** nei takk\n"
    assert markdown_paragraphs(written) == ["Møte_1", "Kari: ja vel", "da", "Ola *: nei takk"]
    timed = render(conversation(), "md", layout=Layout(times=True, speakers=False)).text
    assert markdown_paragraphs(timed)[1:] == ["[00:00:00] ja vel", "[00:00:03] da nei takk"]


@given(transcripts(), st.booleans())
@settings(max_examples=examples(60), deadline=None)
def test_words_with_marks_of_markdown_are_read_as_they_are(
    transcript: Transcript, times: bool
) -> None:
    written = render(transcript, "md", layout=Layout(times=times)).text
    shown = [re.sub(r"^\[[\d:]+\] ", "", text) for text in markdown_paragraphs(written)[1:]]
    # A tab or an entity has another form in Markdown, but no other meaning.
    assert " ".join(shown).split() == " ".join(texts(transcript)).split()


@pytest.mark.parametrize(
    "text", ["# a", "1. mai", "12) a", "- nei", "+ 2", "*a* _b_ `c`", "<b>x</b> &amp; &#38;",
             "[a](b) ![c](d) [e]: f", "> a", "~~~ a", "=== a", "--- a", "a\\b", "***"],
)  # fmt: skip
def test_paragraph_is_no_other_block_or_mark_of_markdown(text: str) -> None:
    written = render(transcript_of(words_of(text), 9.0), "md").text
    assert markdown_paragraphs(written)[1:] == [text]


def test_f4_ends_paragraphs_with_their_time() -> None:
    assert render(conversation(), "f4").text.splitlines() == [
        "Kari: ja vel #00:00:00-8#",
        "da #00:00:03-4#",
        "Ola *: nei takk #00:00:03-9#",
    ]
    assert render(conversation(), "f4", layout=Layout(times=False, speakers=False)).text == (
        "ja vel\nda nei takk\n"
    )


def test_long_speech_without_pauses_is_divided() -> None:
    words = [Word(f"ord{n}", n * 1.0, n * 1.0 + 0.3, 0.9) for n in range(300)]
    paragraphs = render(transcript_of(words, 301.0), "f4").text.splitlines()
    assert [len(line.split()) - 1 for line in paragraphs] == [120, 120, 60]


def test_document_has_title_speakers_and_language() -> None:
    written = document(conversation())
    assert [paragraph.text for paragraph in written.paragraphs] == [
        "møte", "Kari: ja vel", "da", "Ola *: nei takk",
    ]  # fmt: skip
    assert written.paragraphs[0].style.name == "Title"
    assert written.core_properties.title == "møte"
    bold = [run.text for run in chain(*(each.runs for each in written.paragraphs)) if run.bold]
    assert bold == ["Kari: ", "Ola *: "]
    language = written.styles.element.xpath(".//w:rPrDefault//w:lang/@w:val")
    assert language == ["nb-NO"]


def test_document_shows_times_and_no_speakers_on_request() -> None:
    written = document(conversation(), times=True, speakers=False)
    assert [paragraph.text for paragraph in written.paragraphs[1:]] == [
        "[00:00:00] ja vel", "[00:00:03] da nei takk",
    ]  # fmt: skip


def test_unsure_words_of_a_document_are_highlighted_on_request() -> None:
    for marked, expected in ((False, []), (True, ["vel", "nei"])):
        written = document(conversation(), mark_unsure=marked)
        runs = [run for paragraph in written.paragraphs for run in paragraph.runs]
        yellow = [run.text for run in runs if run.font.highlight_color == WD_COLOR_INDEX.YELLOW]
        assert yellow == expected
        assert [each.text for each in written.paragraphs[1:]] == [
            "Kari: ja vel", "da", "Ola *: nei takk",
        ]  # fmt: skip


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
def test_document_holds_every_word(transcript: Transcript) -> None:
    for marked in (False, True):
        shown = [
            paragraph.text for paragraph in document(transcript, mark_unsure=marked).paragraphs
        ]
        assert " ".join(shown[1:]).split() == " ".join(texts(transcript)).split()


def test_same_transcript_gives_the_same_document() -> None:
    assert render(PAUSED, "docx").body == render(PAUSED, "docx").body
