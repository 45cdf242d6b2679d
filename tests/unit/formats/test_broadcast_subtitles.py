"""EBU-TT-D and EBU STL, read back by ttconv."""

import io
import struct
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import ttconv.imsc.reader as imsc
import ttconv.stl.reader as stl
from examples import examples
from hypothesis import given, settings
from timed_words import texts, transcript_of, transcripts, words_of
from ttconv import model

from app.contract.answers import Transcript, Word
from app.formats import render
from app.formats.iso6937 import encode, simplify

SPOKEN = transcript_of(
    words_of(
        "jeg kommer halv åtte og tar bussen fra byen fordi toget fra oslo er forsinket vi ses",
        pause_before={"og": 0.35, "fordi": 0.35, "vi": 0.9},
    ),
    9.0,
    formatting=True,
)
LINES = [
    (450, 5530, "Jeg kommer 7.30, og tar bussen fra byen,\nfordi toget fra oslo er forsinket."),
    (6430, 7264, "Vi ses."),
]
_TT = "{http://www.w3.org/ns/ttml}"
_TTP = "{http://www.w3.org/ns/ttml#parameter}"
_XML = "{http://www.w3.org/XML/1998/namespace}"


def subtitles(document: model.ContentDocument) -> list[tuple[Fraction, Fraction, str]]:
    """Start and end in seconds, and the lines of each subtitle."""
    body = document.get_body()
    found = [] if body is None else [e for e in body.dfs_iterator() if isinstance(e, model.P)]
    return [
        (
            each.get_begin(),
            each.get_end(),
            "".join(
                part.get_text() if isinstance(part, model.Text) else "\n"
                for part in each.dfs_iterator()
                if isinstance(part, model.Text | model.Br)
            ),
        )
        for each in found
    ]


def read_ttml(text: str) -> list[tuple[Fraction, Fraction, str]]:
    return subtitles(imsc.to_model(ElementTree.ElementTree(ElementTree.fromstring(text))))


def read_stl(body: bytes) -> list[tuple[Fraction, Fraction, str]]:
    return subtitles(stl.to_model(io.BytesIO(body)))


def conversation(*words: tuple[str, float, float, str]) -> Transcript:
    return transcript_of([Word(text, a, b, 0.9, who) for text, a, b, who in words], 5.0)


def test_ttml_has_the_cues_of_the_other_subtitles() -> None:
    assert read_ttml(render(SPOKEN, "ttml").text) == [
        (Fraction(start, 1000), Fraction(end, 1000), text) for start, end, text in LINES
    ]


def test_ttml_has_what_ebu_tt_d_requires() -> None:
    root = ElementTree.fromstring(render(SPOKEN, "ttml").text)
    assert (root.get(f"{_TTP}timeBase"), root.get(f"{_XML}lang")) == ("media", "nb")
    standards = {element.text for element in root.iter("{urn:ebu:tt:metadata}conformsToStandard")}
    assert standards == {
        "urn:ebu:tt:distribution:2018-04", "http://www.w3.org/ns/ttml/profile/imsc1.1/text",
    }  # fmt: skip
    names = {element.get(f"{_XML}id") for element in root.iter()} - {None}
    for paragraph in root.iter(f"{_TT}p"):
        # Text stands in spans, and references name what is there.
        assert not (paragraph.text or "").strip()
        assert {paragraph.get("region"), paragraph.get("style")} <= names
        assert paragraph.get(f"{_XML}id")
    assert [child.tag for child in root] == [f"{_TT}head", f"{_TT}body"]


def test_ttml_of_silence_has_no_body_and_an_unknown_language_is_left_out() -> None:
    root = ElementTree.fromstring(render(transcript_of([], 3.0), "ttml").text)
    assert [child.tag for child in root] == [f"{_TT}head"]
    odd = replace(transcript_of(words_of("ja"), 2.0), language='x" y')
    assert ElementTree.fromstring(render(odd, "ttml").text).get(f"{_XML}lang") == ""


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
def test_ttml_holds_every_word(transcript: Transcript) -> None:
    shown = [text for _, _, text in read_ttml(render(transcript, "ttml").text)]
    assert " ".join(shown).split() == " ".join(texts(transcript)).split()


def test_stl_has_rows_that_fit_teletext_and_times_in_frames() -> None:
    found = read_stl(render(SPOKEN, "stl").body)
    assert " ".join(" ".join(text for *_, text in found).split()) == " ".join(texts(SPOKEN))
    assert all(len(line) <= 35 for *_, text in found for line in text.split("\n"))
    assert all(len(text.split("\n")) <= 2 for *_, text in found)
    assert found[0][0] == Fraction(round(450 / 40), 25)
    assert all(a[1] <= b[0] for a, b in pairwise(found))


def test_stl_names_the_programme_its_language_and_its_blocks() -> None:
    body = render(SPOKEN, "stl", recording="møte.wav").body
    document = stl.to_model(io.BytesIO(body))
    assert document.get_lang() == "no"
    assert body[:16] == b"850STL25.01100" + b"1E"
    assert body[16:48].decode("cp850").strip() == "møte"
    blocks = (len(body) - 1024) // 128
    assert (len(body) - 1024) % 128 == 0
    assert body[238:248].decode() == f"{blocks:05}{len(read_stl(body)):05}"
    # The last row of two lines of text, which is of double height.
    assert {struct.unpack_from("<B", body, 1024 + 128 * n + 13)[0] for n in range(blocks)} <= {
        20,
        22,
    }


def test_stl_names_the_speakers_and_shows_one_subtitle_at_a_time() -> None:
    both = conversation(
        ("ja", 0.4, 2.4, "Kari"), ("nei", 1.0, 1.6, "Ola"), ("jo", 3.0, 3.4, "Kari")
    )
    found = read_stl(render(both, "stl").body)
    assert [text for *_, text in found] == ["Kari: ja", "Ola: nei", "Kari: jo"]
    assert all(a[1] <= b[0] for a, b in pairwise(found))
    at_once = conversation(("ja", 0.4, 0.4, "Kari"), ("nei", 0.4, 0.4, "Ola"))
    assert [text for *_, text in read_stl(render(at_once, "stl").body)] == ["Kari: ja", "Ola: nei"]


@pytest.mark.parametrize(
    "text", ["Åge Ærø Øye åæø", "«é è ê ü ö ä ñ ç š ž»", "đurđević Łódź þorn", "½ ¾ ° – § 100 %"]
)
def test_letters_of_stl_are_read_back(text: str) -> None:
    words = [Word(word, n * 1.0, n + 0.5, 0.9) for n, word in enumerate(text.split())]
    [*_, shown] = zip(*read_stl(render(transcript_of(words, 9.0), "stl").body), strict=True)
    assert " ".join(" ".join(shown).split()) == text.replace("–", "-")


def test_letters_that_iso_6937_does_not_have_are_replaced() -> None:
    assert (
        encode(simplify("ǿ … € ж ḿ e\u0301"))
        == "ø ... EUR ? m ".encode("latin-1").replace(b"\xf8", b"\xf9") + b"\xc2e"
    )


def test_long_word_takes_several_rows_and_blocks_of_stl() -> None:
    word = "å" * 120
    body = render(transcript_of([Word(word, 0.5, 2.0, 0.9)], 3.0), "stl").body
    assert (len(body) - 1024) // 128 > 1
    [(_, _, text)] = read_stl(body)
    assert text.replace("\n", "") == word


def test_time_codes_of_stl_begin_again_after_a_day() -> None:
    body = render(transcript_of([Word("ja", 86_400.4, 86_401.0, 0.9)], 86_402.0), "stl").body
    assert tuple(body[1024 + 5 : 1024 + 9]) == (0, 0, 0, 10)


@given(transcripts(lively=True))
@settings(max_examples=examples(30), deadline=None)
def test_stl_shows_every_word(transcript: Transcript) -> None:
    shown = "".join(text for *_, text in read_stl(render(transcript, "stl").body))
    assert "".join(shown.split()) == "".join(" ".join(texts(transcript)).split())
